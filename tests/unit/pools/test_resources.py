"""The resource list. Source: api.md §2.6, platform.md §1.6."""

from __future__ import annotations

from pools.model import Config
from pools.resources import ResourceType, platform_totals, resource_entries
from pools.shipped import MachineResources, shipped_config
from templates.variables import NodeCapacity
from tests.unit.pools.configs import read

CONFIG = """
    backends: {b: {cluster: {in_cluster: true}}}
    pools:
      one: {backend: b, common_pod_template: [default_ctrl], platforms: {x: {override_pod_template: [x]}}}
      two: {backend: b, platforms: {x: {override_pod_template: [x]}, y: {override_pod_template: [y]}}}
    pod_templates: {x: {spec: {nodeSelector: {x: yes-}}}, y: {spec: {nodeSelector: {y: yes-}}}}
    nodes:
    - {name: n3}
    - {name: n2, labels: {y: yes-}, allocatable: {cpu: 8, memory: 16Gi}}
    - {name: n1, labels: {x: yes-}, allocatable: {cpu: 4, memory: 8Gi}, non_workflow_usage: {cpu: 1500m}}
    - {name: n0, labels: {x: yes-}, conditions: [{type: Ready, status: "False"}]}
    """


def listed(config: Config, *, pools: list[str] | None = None, platforms: list[str] | None = None) -> list[str]:
    entries = resource_entries(config, config.nodes or (), {}, pools=pools, platforms=platforms)
    return [
        f"{entry.node.name} {entry.resource_type} {[f'{s.policy.pool}/{s.policy.name}' for s in entry.shares]}"
        for entry in entries
    ]


def test_nodes_in_none_one_or_several_pools() -> None:
    """'RESERVED = in one pool, SHARED = several, UNUSED = none; only nodes marked available are listed'."""
    assert listed(read(a=CONFIG)) == [
        "n1 SHARED ['one/x', 'two/x']",
        "n2 RESERVED ['two/y']",
        "n3 UNUSED []",
    ]


def test_filters() -> None:
    config = read(a=CONFIG)
    assert listed(config, pools=["one"]) == ["n1 SHARED ['one/x']"]
    assert listed(config, pools=["two"], platforms=["y"]) == ["n2 RESERVED ['two/y']"]
    assert listed(config, pools=[]) == []
    assert len(listed(config, platforms=["y"])) == 3


def test_shares_are_less_sidecar_and_others_use() -> None:
    config = read(a=CONFIG)
    usage = {("b", "n1"): NodeCapacity(cpu=2, memory_bytes=1 << 30)}
    entry = resource_entries(config, config.nodes or (), usage)[0]
    share = entry.shares[0]
    assert (share.allocatable.cpu, share.workflow_allocatable.cpu, share.available.cpu) == (3, 1, 0)
    assert (share.allocatable.memory_bytes, share.available.memory_bytes) == (7 << 30, 6 << 30)
    assert entry.usage.cpu == 2


def test_the_local_engine_has_no_sidecar() -> None:
    config = shipped_config(MachineResources(cpu_count=2, memory_bytes=4 << 30, storage_bytes=10 << 30))
    (entry,) = resource_entries(config, config.nodes or (), {})
    assert entry.shares[0].workflow_allocatable.cpu == 2
    assert entry.resource_type is ResourceType.RESERVED


def test_concise_rows() -> None:
    config = read(a=CONFIG)
    entries = resource_entries(config, config.nodes or (), {("b", "n1"): NodeCapacity(cpu=2)})
    rows = [(row.policy.pool, row.policy.name, row.usage.cpu, row.allocatable.cpu) for row in platform_totals(entries)]
    assert rows == [("one", "x", 2, 3), ("two", "x", 2, 4), ("two", "y", 0, 8)]
