"""The numbers of the pool list: quotas, use, and which pools share nodes.

Source: api.md §2.6 (`/api/pool_quota`), platform.md §1.7.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pools.model import Config
from pools.nodes import Node, belongs, is_available
from pools.pool import UNLIMITED

NodeKey = tuple[str, str]
"""(backend, node name)."""

_QUOTA_PRIORITIES = ("HIGH", "NORMAL")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningTask:
    """A task that is RUNNING. Units: GPUs. Shape: `node` is "" where it is not known."""

    pool: str
    priority: str
    gpu: int
    backend: str = ""
    node: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """One row of numbers. Units: GPUs. OSMO's replies write them as texts."""

    quota_used: int = 0
    quota_free: int = 0
    quota_limit: int = 0
    total_usage: int = 0
    total_capacity: int = 0
    total_free: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolUsage:
    """The numbers of one pool; the totals are those of its whole node set."""

    pool: str
    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSet:
    """Pools that share nodes, directly or through other pools. Shape: in the order of the pools asked for."""

    pools: tuple[PoolUsage, ...]
    capacity: int
    free: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolQuotas:
    """All node sets, and the sums: quotas over pools, capacity and free over node sets."""

    node_sets: tuple[NodeSet, ...]
    resource_sum: Usage


def pool_quotas(
    config: Config, nodes: Iterable[Node], running: Iterable[RunningTask], *, pools: Collection[str] | None = None
) -> PoolQuotas:
    """The numbers of `pools`, all where None; unknown names are passed over.

    Node sets are formed over all pools of the configuration and then cut down to those asked for, so a pool's numbers
    do not depend on which others are listed.
    """
    listed = list(nodes)
    by_pool = nodes_by_pool(config, listed)
    by_key = {(node.backend, node.name): node for node in listed}
    tasks = _TasksInUse.of(running)
    node_sets = []
    for names in _connected_pools(config, by_pool):
        asked = [name for name in names if pools is None or name in pools]
        if asked:
            keys = frozenset().union(*(by_pool[name] for name in names))
            node_sets.append(_node_set(config, asked, [by_key[key] for key in sorted(keys)], tasks))
    return PoolQuotas(node_sets=tuple(node_sets), resource_sum=_sum(node_sets))


def nodes_by_pool(config: Config, nodes: Sequence[Node]) -> dict[str, frozenset[NodeKey]]:
    """The available nodes of every pool: those that belong to one of its platforms."""
    by_backend: dict[str, list[Node]] = defaultdict(list)
    for node in nodes:
        backend = config.backends.get(node.backend)
        if backend is not None and is_available(node, backend.node_conditions):
            by_backend[node.backend].append(node)
    return {
        name: frozenset(
            (node.backend, node.name)
            for policy in config.platforms_of(name)
            for node in by_backend[pool.backend]
            if belongs(node, policy.placement)
        )
        for name, pool in config.pools.items()
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _TasksInUse:
    """GPUs of running tasks, counted three ways."""

    of_pool: Mapping[str, int] = field(default_factory=dict)
    of_quota: Mapping[str, int] = field(default_factory=dict)
    of_node: Mapping[NodeKey, int] = field(default_factory=dict)

    @classmethod
    def of(cls, running: Iterable[RunningTask]) -> _TasksInUse:
        of_pool: dict[str, int] = defaultdict(int)
        of_quota: dict[str, int] = defaultdict(int)
        of_node: dict[NodeKey, int] = defaultdict(int)
        for task in running:
            of_pool[task.pool] += task.gpu
            if task.priority in _QUOTA_PRIORITIES:
                of_quota[task.pool] += task.gpu
            if task.node:
                of_node[task.backend, task.node] += task.gpu
        return cls(of_pool=of_pool, of_quota=of_quota, of_node=of_node)


def _connected_pools(config: Config, by_pool: Mapping[str, frozenset[NodeKey]]) -> list[list[str]]:
    """The pools grouped by shared nodes (union-find); those without nodes by backend. Order: first pool's name."""
    parent = {name: name for name in config.pools}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    owner: dict[NodeKey | str, str] = {}
    for name in sorted(config.pools):
        shared: Iterable[NodeKey | str] = by_pool[name] or (config.pools[name].backend,)
        for key in shared:
            parent[root(name)] = root(owner.setdefault(key, name))
    grouped: dict[str, list[str]] = defaultdict(list)
    for name in sorted(config.pools):
        grouped[root(name)].append(name)
    return sorted(grouped.values())


def _node_set(config: Config, names: Sequence[str], nodes: Sequence[Node], tasks: _TasksInUse) -> NodeSet:
    capacity = sum(node.allocatable.gpu for node in nodes)
    in_use = sum(_gpus_in_use(node, tasks) for node in nodes)
    free = max(0, capacity - in_use)
    return NodeSet(
        pools=tuple(PoolUsage(pool=name, usage=_usage(config, name, capacity, free, tasks)) for name in names),
        capacity=capacity,
        free=free,
    )


def _gpus_in_use(node: Node, tasks: _TasksInUse) -> int:
    used = node.foreign_usage.gpu + tasks.of_node.get((node.backend, node.name), 0)
    return min(used, node.allocatable.gpu)


def _usage(config: Config, name: str, capacity: int, free: int, tasks: _TasksInUse) -> Usage:
    quota = config.pools[name].resources.gpu
    limit = capacity if quota is None or quota.guarantee == UNLIMITED else quota.guarantee
    used = tasks.of_quota.get(name, 0)
    return Usage(
        quota_used=used,
        quota_free=max(0, limit - used),
        quota_limit=limit,
        total_usage=tasks.of_pool.get(name, 0),
        total_capacity=capacity,
        total_free=free,
    )


def _sum(node_sets: Sequence[NodeSet]) -> Usage:
    rows = [entry.usage for node_set in node_sets for entry in node_set.pools]
    return Usage(
        quota_used=sum(row.quota_used for row in rows),
        quota_free=sum(row.quota_free for row in rows),
        quota_limit=sum(row.quota_limit for row in rows),
        total_usage=sum(row.total_usage for row in rows),
        total_capacity=sum(node_set.capacity for node_set in node_sets),
        total_free=sum(node_set.free for node_set in node_sets),
    )
