"""Which nodes belong where and which count. Source: platform.md §1.6, api.md §8.3, §8.4."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pools.backend import NodeConditionRules
from pools.kubernetes_quantities import quantity
from pools.nodes import Node, Placement, Taint, belongs, capacity_of, is_available, remaining, total, usage_of
from templates.merge import JsonObject
from templates.variables import NodeCapacity

NODE = Node(name="n", backend="b")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("8", 8),
        ("3920m", 3.92),
        ("32Gi", 32 << 30),
        ("10G", 10**10),
        ("1e9", 10**9),
        ("1k", 1000),
        ("2Ki", 2048),
        ("1E", 10**18),
        ("1Ei", 1 << 60),
        ("+5", 5),
        (".5", 0.5),
        ("100u", 0.0001),
    ],
)
def test_kubernetes_quantities(text: str, number: float) -> None:
    found = quantity(text)
    assert found is not None
    assert float(found) == number


@pytest.mark.parametrize("text", ["", "x", "1KB", "-1", "1 Gi", "1e", "Gi", "1.2.3"])
def test_no_kubernetes_quantity(text: str) -> None:
    assert quantity(text) is None


def test_capacities_are_rounded_down_usages_up() -> None:
    resources = {"cpu": "7900m", "memory": "1.5", "nvidia.com/gpu": "2"}
    assert capacity_of(resources) == NodeCapacity(cpu=7, gpu=2, memory_bytes=1)
    assert usage_of(resources) == NodeCapacity(cpu=8, gpu=2, memory_bytes=2)
    assert capacity_of({"cpu": "nonsense"}) == NodeCapacity()


def test_sums_and_rests() -> None:
    small, big = NodeCapacity(cpu=1, gpu=1), NodeCapacity(cpu=4, memory_bytes=5)
    assert total([small, big]) == NodeCapacity(cpu=5, gpu=1, memory_bytes=5)
    assert remaining(big, small, small) == NodeCapacity(cpu=2, memory_bytes=5)


@pytest.mark.parametrize(
    ("labels", "selector", "expected"),
    [
        ({"a": "1", "b": "2"}, {"a": "1"}, True),
        ({"a": "1"}, {}, True),
        ({"a": "1"}, {"a": "2"}, False),
        ({}, {"a": "1"}, False),
    ],
)
def test_the_selector_is_contained_in_the_labels(
    labels: dict[str, str], selector: dict[str, str], expected: bool
) -> None:
    assert belongs(replace(NODE, labels=labels), Placement(node_selector=selector)) is expected


@pytest.mark.parametrize(
    ("taint", "toleration", "expected"),
    [
        (Taint(key="k", value="v", effect="NoSchedule"), {"key": "k", "value": "v"}, True),
        (Taint(key="k", value="v", effect="NoSchedule"), {"key": "k", "value": "w"}, False),
        (Taint(key="k", value="v", effect="NoSchedule"), {"key": "k", "operator": "Exists"}, True),
        (Taint(key="k", value="v", effect="NoExecute"), {"operator": "Exists"}, True),
        (Taint(key="k", effect="NoExecute"), {"key": "k", "operator": "Exists", "effect": "NoSchedule"}, False),
        (Taint(key="k", effect="NoSchedule"), {"key": "k"}, True),
        (Taint(key="k", effect="NoSchedule"), {"key": "other"}, False),
        (Taint(key="k", effect="PreferNoSchedule"), {"key": "other"}, True),
        (Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule"), {"key": "other"}, True),
    ],
)
def test_tolerations_cover_taints(taint: Taint, toleration: JsonObject, expected: bool) -> None:
    assert belongs(replace(NODE, taints=(taint,)), Placement(tolerations=(toleration,))) is expected


@pytest.mark.parametrize(
    ("conditions", "rules", "expected"),
    [
        ({"Ready": "True"}, {"Ready": "True"}, True),
        ({"Ready": "False"}, {"Ready": "True"}, False),
        ({"Ready": "Unknown"}, {"Ready": "True|Unknown"}, False),
        ({}, {"Ready": "True"}, True),
        ({"Ready": "True", "GpuBroken": "True"}, {"Gpu.*": "False|Unknown"}, False),
        ({"Ready": "True", "GpuBroken": "Unknown"}, {"Gpu.*": "False|Unknown"}, True),
        ({"Ready": "True", "Other": "True"}, {"Gpu.*": "False"}, True),
    ],
)
def test_conditions(conditions: dict[str, str], rules: dict[str, str], expected: bool) -> None:
    """'not cordoned, and all node conditions are in an allowed state; Ready must be True and cannot be overridden'."""
    assert is_available(replace(NODE, conditions=conditions), NodeConditionRules(rules=rules)) is expected


def test_cordoned_nodes_are_not_available() -> None:
    assert not is_available(replace(NODE, unschedulable=True), NodeConditionRules())
