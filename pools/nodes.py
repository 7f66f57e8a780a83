"""Nodes: what a cluster reports of a machine, to which platform it belongs, and whether it counts.

Source: platform.md §1.6, api.md §8.3, §8.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from pools.backend import NodeConditionRules
from pools.kubernetes_quantities import quantity
from templates.merge import Json, JsonObject
from templates.variables import NodeCapacity

GPU_RESOURCE = "nvidia.com/gpu"
NO_CAPACITY = NodeCapacity()

# Kubernetes sets these itself when a node is cordoned or ill; that is the business of `is_available`.
_SYSTEM_TAINT_PREFIX = "node.kubernetes.io/"
_BLOCKING_EFFECTS = ("NoSchedule", "NoExecute")
_READY_RULE = ("Ready", "True")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taint:
    """What keeps pods off a node unless they tolerate it."""

    key: str
    value: str = ""
    effect: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One machine of one backend.

    Shape: `conditions` maps a condition's type to its status, empty where it is not known; `foreign_usage` is what
    pods that are no workflow's request there; `capacity` is what the machine has before the system's own share, and is
    only shown.
    """

    name: str
    backend: str
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    allocatable: NodeCapacity = NO_CAPACITY
    capacity: NodeCapacity = NO_CAPACITY
    conditions: Mapping[str, str] = field(default_factory=dict)
    unschedulable: bool = False
    foreign_usage: NodeCapacity = NO_CAPACITY


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where the pods of a platform may stand. Shape: tolerations as in a pod."""

    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[JsonObject, ...] = ()


def capacity_of(resources: Mapping[str, str]) -> NodeCapacity:
    """What a map of Kubernetes quantities holds, fractions cut off. Shape: keys as in a node's `allocatable`."""
    return NodeCapacity(
        cpu=int(_amount(resources, "cpu")),
        gpu=int(_amount(resources, GPU_RESOURCE)),
        memory_bytes=int(_amount(resources, "memory")),
        storage_bytes=int(_amount(resources, "ephemeral-storage")),
    )


def usage_of(resources: Mapping[str, str]) -> NodeCapacity:
    """What a map of Kubernetes requests takes away, rounded up to whole cores, devices and bytes."""
    return NodeCapacity(
        cpu=-int(-_amount(resources, "cpu") // 1),
        gpu=-int(-_amount(resources, GPU_RESOURCE) // 1),
        memory_bytes=-int(-_amount(resources, "memory") // 1),
        storage_bytes=-int(-_amount(resources, "ephemeral-storage") // 1),
    )


def remaining(capacity: NodeCapacity, *taken: NodeCapacity) -> NodeCapacity:
    """`capacity` less everything in `taken`, never below zero."""
    return NodeCapacity(
        cpu=max(0, capacity.cpu - sum(one.cpu for one in taken)),
        gpu=max(0, capacity.gpu - sum(one.gpu for one in taken)),
        memory_bytes=max(0, capacity.memory_bytes - sum(one.memory_bytes for one in taken)),
        storage_bytes=max(0, capacity.storage_bytes - sum(one.storage_bytes for one in taken)),
    )


def total(amounts: Iterable[NodeCapacity]) -> NodeCapacity:
    """The sum of all amounts."""
    listed = list(amounts)
    return NodeCapacity(
        cpu=sum(one.cpu for one in listed),
        gpu=sum(one.gpu for one in listed),
        memory_bytes=sum(one.memory_bytes for one in listed),
        storage_bytes=sum(one.storage_bytes for one in listed),
    )


def belongs(node: Node, placement: Placement) -> bool:
    """Whether the node's labels hold the selector and the tolerations cover its taints."""
    return all(node.labels.get(key) == value for key, value in placement.node_selector.items()) and all(
        any(_tolerates(toleration, taint) for toleration in placement.tolerations)
        for taint in node.taints
        if taint.effect in _BLOCKING_EFFECTS and not taint.key.startswith(_SYSTEM_TAINT_PREFIX)
    )


def is_available(node: Node, rules: NodeConditionRules) -> bool:
    """Whether the node may take work now: not cordoned, and every condition in a state that the rules allow.

    `Ready` must be True whatever the rules say; a node of which no condition is known counts as ready.
    """
    if node.unschedulable:
        return False
    patterns = [(_pattern(pattern), _statuses(allowed)) for pattern, allowed in (*rules.rules.items(), _READY_RULE)]
    return all(
        status in allowed
        for kind, status in node.conditions.items()
        for pattern, allowed in patterns
        if pattern.fullmatch(kind)
    )


def _amount(resources: Mapping[str, str], key: str) -> float:
    found = quantity(str(resources.get(key, "0")))
    return float(found) if found is not None else 0.0


def _tolerates(toleration: Mapping[str, Json], taint: Taint) -> bool:
    effect = toleration.get("effect")
    if effect and effect != taint.effect:
        return False
    key = toleration.get("key")
    if toleration.get("operator", "Equal") == "Exists":
        return not key or key == taint.key
    return key == taint.key and (toleration.get("value") or "") == taint.value


@lru_cache(maxsize=256)
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _statuses(allowed: str) -> frozenset[str]:
    return frozenset(part.strip() for part in allowed.split("|"))
