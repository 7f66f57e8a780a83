"""Nodes as the resource list shows them. Source: api.md §2.6."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable

from gateway.ports.store import Store
from gateway.schemas.resources import (
    Amounts,
    PlatformAmounts,
    PlatformConfig,
    PoolResourcesEntry,
    PoolResourcesResponse,
    ResourcesEntry,
    ResourcesResponse,
    ResourceType,
)
from gateway.services.identity import Caller
from gateway.services.nodes import Nodes, node_usage, placed_tasks
from gateway.services.pools import PoolViews
from gateway.services.profile import allowed_pools
from pools.model import Config
from pools.nodes import GPU_RESOURCE, Node
from pools.resources import PlatformShare, ResourceEntry, platform_totals, resource_entries
from templates.variables import NodeCapacity

_KIB = 1024
_GIB = 1024**3


class ResourceViews:
    """Answers questions about nodes."""

    def __init__(self, *, store: Store, config: Callable[[], Config], nodes: Nodes, pools: PoolViews) -> None:
        self._store = store
        self._config = config
        self._nodes = nodes
        self._pools = pools

    def nodes(
        self,
        caller: Caller,
        *,
        pools: Collection[str] | None,
        platforms: Collection[str] | None,
        all_pools: bool,
    ) -> ResourcesResponse:
        """The available nodes of the pools named, else of those that the caller may use, else of all."""
        config = self._config()
        entries = self._entries(config, _asked_pools(caller, config, pools, all_pools=all_pools), platforms)
        return ResourcesResponse(resources=[_entry(config, entry) for entry in entries])

    def node(self, name: str) -> ResourcesResponse:
        """All nodes of this name, one for each backend that has one; none where it is not known."""
        config = self._config()
        entries = (entry for entry in self._entries(config, None, None) if entry.node.name == name)
        return ResourcesResponse(resources=[_entry(config, entry) for entry in entries])

    def sums(
        self,
        caller: Caller,
        *,
        pools: Collection[str] | None,
        platforms: Collection[str] | None,
        all_pools: bool,
    ) -> PoolResourcesResponse:
        """The same by pool and platform, summed over nodes."""
        config = self._config()
        entries = self._entries(config, _asked_pools(caller, config, pools, all_pools=all_pools), platforms)
        return PoolResourcesResponse(
            pools=[
                PoolResourcesEntry(
                    pool=row.policy.pool,
                    platform=row.policy.name,
                    status=self._pools.status(config.pools[row.policy.pool]),
                    usage_fields=_numbers(row.usage),
                    allocatable_fields=_numbers(row.allocatable),
                    backend=row.policy.backend,
                )
                for row in platform_totals(entries)
            ]
        )

    def _entries(
        self, config: Config, pools: Collection[str] | None, platforms: Collection[str] | None
    ) -> list[ResourceEntry]:
        with self._store.reading() as reads:
            tasks = placed_tasks(reads, config)
        return resource_entries(
            config,
            self._nodes(config),
            node_usage(config, tasks),
            pools=pools,
            platforms=platforms or None,
        )


def _asked_pools(
    caller: Caller, config: Config, pools: Collection[str] | None, *, all_pools: bool
) -> Collection[str] | None:
    if all_pools:
        return None
    if pools:
        return pools
    return None if caller.allowed_pools is None else allowed_pools(caller, config)


def _entry(config: Config, entry: ResourceEntry) -> ResourcesEntry:
    node = entry.node
    return ResourcesEntry(
        hostname=node.name,
        exposed_fields=_exposed(node, entry.shares),
        taints=[{"key": taint.key, "value": taint.value, "effect": taint.effect} for taint in node.taints],
        usage_fields=_quantities(entry.usage),
        conditions=sorted(kind for kind, status in node.conditions.items() if status == "True") or None,
        non_workflow_usage_fields=_kubernetes(node.foreign_usage),
        allocatable_fields=_quantities(node.allocatable),
        platform_allocatable_fields=_by_platform(entry.shares, lambda share: share.allocatable),
        platform_available_fields=_by_platform(entry.shares, lambda share: share.available),
        platform_workflow_allocatable_fields=_by_platform(entry.shares, lambda share: share.workflow_allocatable),
        config_fields=_config_fields(entry.shares),
        backend=node.backend,
        label_fields=None,
        pool_platform_labels=_labels(entry.shares),
        resource_type=ResourceType(entry.resource_type.value),
    )


def _exposed(node: Node, shares: Iterable[PlatformShare]) -> dict[str, str | list[str]]:
    has = node.allocatable
    return {
        "node": node.name,
        "pool/platform": [f"{share.policy.pool}/{share.policy.name}" for share in shares],
        "storage": str(int(has.storage_bytes // _GIB)),
        "cpu": str(int(has.cpu)),
        "memory": str(int(has.memory_bytes // _GIB)),
        "gpu": str(int(has.gpu)),
    }


def _quantities(amount: NodeCapacity) -> Amounts:
    """The web page takes memory for KiB and storage for bytes, the command line reads any unit."""
    return {
        "storage": int(amount.storage_bytes),
        "cpu": int(amount.cpu),
        "memory": f"{int(amount.memory_bytes // _KIB)}Ki",
        "gpu": int(amount.gpu),
    }


def _numbers(amount: NodeCapacity) -> Amounts:
    return {
        "storage": int(amount.storage_bytes),
        "cpu": int(amount.cpu),
        "memory": int(amount.memory_bytes // _KIB),
        "gpu": int(amount.gpu),
    }


def _kubernetes(amount: NodeCapacity) -> Amounts:
    return {
        "ephemeral-storage": int(amount.storage_bytes),
        "cpu": int(amount.cpu),
        "memory": f"{int(amount.memory_bytes // _KIB)}Ki",
        GPU_RESOURCE: int(amount.gpu),
    }


def _by_platform(shares: Iterable[PlatformShare], amount: Callable[[PlatformShare], NodeCapacity]) -> PlatformAmounts:
    found: PlatformAmounts = defaultdict(dict)
    for share in shares:
        found[share.policy.pool][share.policy.name] = _quantities(amount(share))
    return dict(found)


def _config_fields(shares: Iterable[PlatformShare]) -> dict[str, dict[str, PlatformConfig]]:
    found: dict[str, dict[str, PlatformConfig]] = defaultdict(dict)
    for share in shares:
        policy = share.policy
        found[policy.pool][policy.name] = PlatformConfig(
            host_network=policy.host_network_allowed,
            privileged=policy.privileged_allowed,
            default_mounts=list(policy.default_mounts),
            allowed_mounts=list(policy.allowed_mounts),
        )
    return dict(found)


def _labels(shares: Iterable[PlatformShare]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for share in shares:
        found[share.policy.pool].append(share.policy.name)
    return dict(found)
