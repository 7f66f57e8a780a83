"""How long a group may run, queue and start. Units: seconds. Source: workflow-spec.md §2.3, §5.7."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from pools.durations import duration_seconds
from pools.model import Config
from pools.pool import Pool
from translator.spec.model import TimeoutSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """The limits of each group of a workflow; None where there is none."""

    exec_seconds: float | None
    queue_seconds: float | None
    start_seconds: float | None


def timeouts(written: TimeoutSpec, pool: Pool, config: Config) -> Timeouts:
    """The effective limits: what was written or the pool's default, at most the pool's maximum.

    What the pool leaves "" is taken from the workflow config. Zero counts as not written, in the configuration too.
    """
    workflow = config.workflow
    return Timeouts(
        exec_seconds=_limit(
            written.exec_timeout,
            pool.default_exec_timeout or workflow.default_exec_timeout,
            pool.max_exec_timeout or workflow.max_exec_timeout,
        ),
        queue_seconds=_limit(
            written.queue_timeout,
            pool.default_queue_timeout or workflow.default_queue_timeout,
            pool.max_queue_timeout or workflow.max_queue_timeout,
        ),
        start_seconds=duration_seconds(config.service.max_pod_restart_limit) or None,
    )


def _limit(written: timedelta | None, default: str, maximum: str) -> float | None:
    highest = duration_seconds(maximum)
    wanted = (written.total_seconds() if written else duration_seconds(default)) or highest
    return (min(wanted, highest) if highest else wanted) or None
