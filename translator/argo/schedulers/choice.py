"""Which adapter a backend gets."""

from __future__ import annotations

from typing import assert_never

from pools.backend import SchedulerType
from translator.argo.schedulers.adapter import Scheduler, Scope
from translator.argo.schedulers.kai import KaiScheduler
from translator.argo.schedulers.kueue import KueueScheduler
from translator.argo.schedulers.plain import PlainScheduler
from translator.argo.schedulers.volcano import VolcanoScheduler


def scheduler(scope: Scope) -> Scheduler:
    """The adapter of the backend's scheduler."""
    kind = scope.target.scheduling.type
    match kind:
        case SchedulerType.DEFAULT:
            return PlainScheduler(scope)
        case SchedulerType.KAI:
            return KaiScheduler(scope)
        case SchedulerType.KUEUE:
            return KueueScheduler(scope)
        case SchedulerType.VOLCANO:
            return VolcanoScheduler(scope)
        case _:
            assert_never(kind)
