"""The numbers of the pool list. Source: api.md §2.6, platform.md §1.7."""

from __future__ import annotations

from dataclasses import replace

from pools.backend import Backend
from pools.model import Config
from pools.nodes import Node
from pools.pool import GpuQuota, Platform, Pool, PoolResources
from pools.quota import RunningTask, Usage, pool_quotas
from templates.merge import JsonObject
from templates.variables import NodeCapacity


def selecting(**labels: str) -> JsonObject:
    return {"spec": {"nodeSelector": dict(labels)}}


def pool(*templates: str, backend: str = "b", guarantee: int | None = None) -> Pool:
    return Pool(
        backend=backend,
        platforms={f"p{index}": Platform(override_pod_template=(name,)) for index, name in enumerate(templates)},
        resources=PoolResources(gpu=None if guarantee is None else GpuQuota(guarantee=guarantee)),
    )


def node(name: str, gpus: int = 8, backend: str = "b", foreign: int = 0, **labels: str) -> Node:
    return Node(
        name=name,
        backend=backend,
        labels=labels,
        allocatable=NodeCapacity(gpu=gpus),
        foreign_usage=NodeCapacity(gpu=foreign),
    )


def config(**pools: Pool) -> Config:
    return Config(
        backends={"b": Backend(name="b", engine="local"), "c": Backend(name="c", engine="local")},
        pools=pools,
        pod_templates={"x": selecting(x="1"), "y": selecting(y="1"), "z": selecting(z="1")},
    )


def sets(found: Config, *nodes: Node) -> list[list[str]]:
    return [[entry.pool for entry in one.pools] for one in pool_quotas(found, nodes, ()).node_sets]


def test_pools_that_share_nodes_belong_together_transitively() -> None:
    """'Pools that share nodes (directly or through a chain of pools) belong to one node set'."""
    found = config(a=pool("x"), b=pool("y", "x"), c=pool("y"), d=pool("z"))
    nodes = [node("n1", x="1"), node("n2", y="1"), node("n3", z="1")]
    assert sets(found, *nodes) == [["a", "b", "c"], ["d"]]


def test_pools_without_nodes() -> None:
    """'A pool without nodes gets a set of its own (empty sets of the same backend merge)'."""
    found = config(a=pool("x"), b=pool("y"), c=pool("z"), d=pool("z", backend="c"))
    assert sets(found, node("n1", x="1")) == [["a"], ["b", "c"], ["d"]]


def test_nodes_of_other_backends_and_unavailable_ones_do_not_count() -> None:
    found = config(a=pool("x"))
    nodes = [node("n", x="1"), node("n", backend="c", x="1"), replace(node("m", x="1"), unschedulable=True)]
    assert pool_quotas(found, nodes, ()).resource_sum.total_capacity == 8


def test_numbers() -> None:
    """'quota_used = GPUs of running tasks with HIGH or NORMAL priority; total_free = capacity minus GPUs in use'."""
    found = config(a=pool("x", guarantee=6), b=pool("x", guarantee=-1), c=pool("y"))
    nodes = [node("n1", foreign=1, x="1"), node("n2", x="1"), node("n3", gpus=4, y="1")]
    running = [
        RunningTask(pool="a", priority="HIGH", gpu=2, backend="b", node="n1"),
        RunningTask(pool="a", priority="NORMAL", gpu=1, backend="b", node="n2"),
        RunningTask(pool="a", priority="LOW", gpu=4, backend="b", node="n2"),
        RunningTask(pool="b", priority="LOW", gpu=1),
    ]
    quotas = pool_quotas(found, nodes, running)
    first, second = quotas.node_sets
    assert (first.capacity, first.free, second.capacity, second.free) == (16, 8, 4, 4)
    usage = {entry.pool: entry.usage for one in quotas.node_sets for entry in one.pools}
    assert usage["a"] == Usage(
        quota_used=3, quota_free=3, quota_limit=6, total_usage=7, total_capacity=16, total_free=8
    )
    assert usage["b"] == Usage(
        quota_used=0, quota_free=16, quota_limit=16, total_usage=1, total_capacity=16, total_free=8
    )
    assert usage["c"].quota_limit == 4
    assert quotas.resource_sum == Usage(
        quota_used=3, quota_free=23, quota_limit=26, total_usage=8, total_capacity=20, total_free=12
    )


def test_asking_for_some_pools_does_not_change_their_numbers() -> None:
    found = config(a=pool("x"), b=pool("x"))
    quotas = pool_quotas(found, [node("n", x="1")], (), pools=["b", "nope"])
    assert [[entry.pool for entry in one.pools] for one in quotas.node_sets] == [["b"]]
    assert quotas.resource_sum.total_capacity == 8


def test_nothing_configured() -> None:
    assert pool_quotas(config(), [node("n")], ()).node_sets == ()
