"""Pools as users see them, and their quota numbers. Source: api.md §2.6."""

from __future__ import annotations

from collections.abc import Callable, Collection

from gateway.ports.store import Store
from gateway.schemas import pools as shown
from gateway.services.nodes import Nodes, placed_tasks
from pools.model import Config
from pools.platforms import PlatformPolicy
from pools.pool import Pool
from pools.quota import PoolQuotas, RunningTask, Usage, pool_quotas
from translator.lifecycle.words import TaskStatus


class PoolViews:
    """Answers questions about pools.

    Shape: `online` says of a backend's name whether the backend answers.
    """

    def __init__(
        self,
        *,
        store: Store,
        config: Callable[[], Config],
        nodes: Nodes,
        online: Callable[[str], bool],
    ) -> None:
        self._store = store
        self._config = config
        self._nodes = nodes
        self._online = online

    def pools(self, names: Collection[str] | None, *, all_pools: bool) -> shown.PoolList:
        """The pools by name, all of them or those named; unknown names are passed over."""
        config = self._config()
        chosen = {name: self._minimal(config, name) for name in sorted(_chosen(config, names, all_pools=all_pools))}
        quotas = pool_quotas(config, self._nodes(config), (), pools=tuple(chosen))
        return shown.PoolList(
            pools=chosen,
            node_sets=[
                shown.PoolNodeSet(pools=[chosen[entry.pool] for entry in node_set.pools])
                for node_set in quotas.node_sets
            ],
        )

    def quotas(self, names: Collection[str] | None, *, all_pools: bool) -> shown.PoolQuota:
        """The same pools with their numbers, by node set."""
        config = self._config()
        numbers = self._numbers(config, _chosen(config, names, all_pools=all_pools))
        return shown.PoolQuota(
            node_sets=[
                shown.NodeSetUsage(
                    pools=[
                        shown.PoolUsage(
                            **self._minimal(config, entry.pool).model_dump(), resource_usage=_usage(entry.usage)
                        )
                        for entry in node_set.pools
                    ]
                )
                for node_set in numbers.node_sets
            ],
            resource_sum=_usage(numbers.resource_sum),
        )

    def status(self, pool: Pool) -> shown.PoolStatus:
        """Whether a pool takes work; maintenance wins."""
        if pool.enable_maintenance:
            return shown.PoolStatus.MAINTENANCE
        return shown.PoolStatus.ONLINE if self._online(pool.backend) else shown.PoolStatus.OFFLINE

    def _numbers(self, config: Config, names: Collection[str]) -> PoolQuotas:
        with self._store.reading() as reads:
            tasks = placed_tasks(reads, config)
        running = [
            RunningTask(
                pool=entry.pool or "",
                priority=entry.priority.value,
                gpu=entry.task.gpu,
                backend=config.pools[entry.pool or ""].backend,
                node=entry.task.node_name or "",
            )
            for entry in tasks
            if entry.task.status is TaskStatus.RUNNING
        ]
        return pool_quotas(config, self._nodes(config), running, pools=names)

    def _minimal(self, config: Config, name: str) -> shown.PoolMinimal:
        pool = config.pools[name]
        quota = pool.resources.gpu
        return shown.PoolMinimal(
            name=name,
            description=pool.description,
            status=self.status(pool),
            download_type=pool.download_type,
            enable_maintenance=pool.enable_maintenance,
            backend=pool.backend,
            default_platform=pool.default_platform,
            default_exec_timeout=pool.default_exec_timeout,
            default_queue_timeout=pool.default_queue_timeout,
            max_exec_timeout=pool.max_exec_timeout,
            max_queue_timeout=pool.max_queue_timeout,
            default_exit_actions=dict(pool.default_exit_actions),
            resources=shown.PoolResources(
                gpu=None if quota is None else shown.GpuQuota.model_validate(quota, from_attributes=True)
            ),
            topology_keys=[shown.TopologyKey(key=entry.key, label=entry.label) for entry in pool.topology_keys],
            platforms={policy.name: _platform(pool, policy) for policy in config.platforms_of(name)},
        )


def _chosen(config: Config, names: Collection[str] | None, *, all_pools: bool) -> Collection[str]:
    if not names:
        return tuple(config.pools) if all_pools else ()
    # A list of names narrows the answer whatever `all_pools` says: it is true by default, and clients leave it out.
    return [name for name in config.pools if name in names]


def _platform(pool: Pool, policy: PlatformPolicy) -> shown.PlatformMinimal:
    return shown.PlatformMinimal(
        description=pool.platforms[policy.name].description,
        host_network_allowed=policy.host_network_allowed,
        privileged_allowed=policy.privileged_allowed,
        allowed_mounts=list(policy.allowed_mounts),
        default_mounts=list(policy.default_mounts),
    )


def _usage(numbers: Usage) -> shown.ResourceUsage:
    return shown.ResourceUsage(
        quota_used=str(numbers.quota_used),
        quota_free=str(numbers.quota_free),
        quota_limit=str(numbers.quota_limit),
        total_usage=str(numbers.total_usage),
        total_capacity=str(numbers.total_capacity),
        total_free=str(numbers.total_free),
    )
