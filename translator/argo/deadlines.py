"""Argo's own deadlines, as a backstop for the time while the gateway is down.

The gateway's timers are the truth (workflow-spec.md §5.7); these come later than any of them can, and count
differently: Argo's run from the pod's start and anew for every attempt. Source: argo.md §2.8; workflow-spec.md §9.2-H.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from translator.plan.model import Plan

MARGIN_SECONDS = 300
UNLIMITED_START_SECONDS = 3600
"""What is granted for pulling images where starting has no limit of its own."""
_MAX_SECONDS = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Backstop:
    """Deadlines of one pod. Units: seconds, None for none."""

    active_seconds: int | None
    pending_seconds: int | None


def backstop(plan: Plan) -> Backstop:
    """The deadlines of every pod of the run.

    A pod is active from the moment a node has taken it, so its deadline grants the time to start as well. Pending ends
    when the first container runs, so it grants queueing and starting; without a limit on starting there is none.
    """
    start = plan.start_timeout_seconds
    granted = UNLIMITED_START_SECONDS if start is None else start
    execute, queue = plan.exec_timeout_seconds, plan.queue_timeout_seconds
    return Backstop(
        active_seconds=None if execute is None else _seconds(execute + granted),
        pending_seconds=None if queue is None or start is None else _seconds(queue + start),
    )


def _seconds(limit: float) -> int:
    return min(max(math.ceil(limit), 0) + MARGIN_SECONDS, _MAX_SECONDS)
