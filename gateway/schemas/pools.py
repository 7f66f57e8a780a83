"""Pools and their quota numbers. Source: api.md §2.6."""

from __future__ import annotations

from enum import StrEnum

from gateway.schemas.wire import Reply


class PoolStatus(StrEnum):
    """Whether a pool takes work: its backend answers, is silent, or the pool is closed for submissions."""

    ONLINE = "ONLINE"
    OFFLINE = "OFFLINE"
    MAINTENANCE = "MAINTENANCE"


class GpuQuota(Reply):
    """GPUs of a pool. Units: counts; -1 is everything (guarantee) or no limit (maximum)."""

    guarantee: int = -1
    maximum: int = -1
    weight: int = 1


class PoolResources(Reply):
    """What a pool may use; null where nothing is set."""

    gpu: GpuQuota | None = None


class TopologyKey(Reply):
    """A level of topology: `key` is what specs ask for, `label` the node label."""

    key: str
    label: str


class PlatformMinimal(Reply):
    """A kind of hardware in a pool, and what tasks may do there."""

    description: str = ""
    host_network_allowed: bool = False
    privileged_allowed: bool = False
    allowed_mounts: list[str] = []
    default_mounts: list[str] = []


class PoolMinimal(Reply):
    """A pool as users see it. Shape: timeouts are duration texts, "" where inherited."""

    name: str = ""
    description: str = ""
    status: PoolStatus | None = None
    download_type: str | None = None
    enable_maintenance: bool = False
    backend: str
    default_platform: str | None = None
    default_exec_timeout: str = ""
    default_queue_timeout: str = ""
    max_exec_timeout: str = ""
    max_queue_timeout: str = ""
    default_exit_actions: dict[str, str] = {}
    resources: PoolResources = PoolResources()
    topology_keys: list[TopologyKey] = []
    platforms: dict[str, PlatformMinimal] = {}


class PoolNodeSet(Reply):
    """Pools that stand on the same nodes."""

    pools: list[PoolMinimal]


class PoolList(Reply):
    """Pools by name. `node_sets` is not in OSMO's reply; its client finds the only pool of an installation there."""

    pools: dict[str, PoolMinimal]
    node_sets: list[PoolNodeSet]


class ResourceUsage(Reply):
    """GPU counts, as texts that hold integers."""

    quota_used: str
    quota_free: str
    quota_limit: str
    total_usage: str
    total_capacity: str
    total_free: str


class PoolUsage(PoolMinimal):
    """A pool with its numbers."""

    resource_usage: ResourceUsage


class NodeSetUsage(Reply):
    """Pools that stand on the same nodes, and so share their capacity."""

    pools: list[PoolUsage]


class PoolQuota(Reply):
    """All node sets, and the sum in which each set counts once."""

    node_sets: list[NodeSetUsage]
    resource_sum: ResourceUsage
