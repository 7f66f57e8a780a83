"""Argo's deadlines as a backstop."""

from __future__ import annotations

import pytest

from tests.unit.argo.clusters import pods, workflow_of
from tests.unit.argo.plans import plan, single
from translator.argo.deadlines import MARGIN_SECONDS, Backstop, backstop
from translator.argo.target import ArgoTarget
from translator.argo.translation import translate


@pytest.mark.parametrize(
    ("execute", "queue", "start", "active", "pending"),
    [
        (None, None, 1800.0, None, None),
        (3600.0, 600.0, 1800.0, 3600 + 1800 + MARGIN_SECONDS, 600 + 1800 + MARGIN_SECONDS),
        (0.5, 0.5, 0.25, 1 + MARGIN_SECONDS, 1 + MARGIN_SECONDS),
        # Without a limit on starting nothing bounds how long a pod may rightly be Pending.
        (60.0, 60.0, None, 60 + 3600 + MARGIN_SECONDS, None),
        # A negative limit expires at once (workflow-spec.md §2.3); Argo wants a positive number.
        (-9999.0, None, 0.0, MARGIN_SECONDS, None),
        (1e12, 1e12, 0.0, 2**31 - 1, 2**31 - 1),
    ],
)
def test_backstop_comes_after_every_timer_of_the_gateway(
    execute: float | None, queue: float | None, start: float | None, active: int | None, pending: int | None
) -> None:
    # workflow-spec.md §9.2-H: "leaf activeDeadlineSeconds = exec_timeout + margin as backstop if the gateway is down".
    made = plan(single("a"), exec_timeout_seconds=execute, queue_timeout_seconds=queue, start_timeout_seconds=start)
    assert backstop(made) == Backstop(active_seconds=active, pending_seconds=pending)


def test_only_pods_have_deadlines() -> None:
    # workflow-spec.md §9.2-M: "spec.activeDeadlineSeconds must stay unset (no workflow-wide timer exists)".
    made = plan(single("a"), exec_timeout_seconds=60, queue_timeout_seconds=60, start_timeout_seconds=60)
    (part,) = (translation := translate(made, ArgoTarget())).parts
    spec = workflow_of(part)["spec"]
    assert "activeDeadlineSeconds" not in spec
    template = pods(translation)["a"].template
    assert (template["activeDeadlineSeconds"], template["pendingTimeout"]) == (420, "420s")
