"""RESCHEDULE as Argo's retryStrategy."""

from __future__ import annotations

import pytest

from tests.unit.argo.clusters import pods
from tests.unit.argo.plans import plan, rule, single, task
from translator.argo.retries import EVICTED, WITHOUT_WRAPPER, retries
from translator.argo.target import ArgoTarget
from translator.argo.translation import translate
from translator.lifecycle.words import ExitCode
from translator.plan.model import ExitAction, ExitRule

ASKED = "asInt(lastRetry.exitCode) == 251"
GONE = "lastRetry.exitCode == '-1'"
AGAIN = ExitAction.RESCHEDULE


@pytest.mark.parametrize(
    ("rules", "pool_rules", "expression"),
    [
        ([], [], None),
        ([rule(ExitAction.COMPLETE, (1, 9))], [], None),
        ([rule(AGAIN, (5, 1))], [], None),
        ([rule(AGAIN, (1, 255))], [], ASKED),
        # Codes of the sidecar are known to the wrapper.
        ([rule(AGAIN, (2010, 2014))], [], ASKED),
        # argo-verified.md C7: "second term only where infrastructure codes may retry".
        ([rule(AGAIN, (3001, 3001))], [], f"{ASKED} || {GONE}"),
        ([], [rule(AGAIN, (3006, 3006))], f"{ASKED} || {GONE}"),
        ([rule(AGAIN, (301, 302))], [], f"{ASKED} || {GONE}"),
        ([rule(AGAIN, (3004, 3004))], [], f"{ASKED} || {GONE} || lastRetry.message contains 'OOMKilled'"),
        # §5.4: the task's rules go first, FAIL before RESCHEDULE.
        ([rule(ExitAction.FAIL, (0, 4000)), rule(AGAIN, (1, 1))], [rule(AGAIN, (3001, 3001))], ASKED),
    ],
)
def test_expression_follows_from_the_rules(
    rules: list[ExitRule], pool_rules: list[ExitRule], expression: str | None
) -> None:
    made = retries(task("a", exit_rules=tuple(rules), default_exit_rules=tuple(pool_rules), max_retries=3))
    assert (made and made.expression) == expression
    assert made is None or made.limit == 3


def test_without_retries_nothing_is_rescheduled() -> None:
    # workflow-spec.md §4.3: "0 disables RESCHEDULE".
    assert retries(task("a", exit_rules=(rule(AGAIN, (1, 255)),), max_retries=0)) is None


def test_pod_knows_its_attempt_only_where_there_are_several() -> None:
    # argo-verified.md §1.1: "OSMO_RETRY_ID … only where retryStrategy is set".
    made = plan(single("once"), single("again", exit_rules=(rule(AGAIN, (1, 1)),), max_retries=2))
    found = pods(translate(made, ArgoTarget()))
    again = found["again"].template
    assert again["retryStrategy"] == {"limit": 2, "retryPolicy": "Always", "expression": ASKED}
    assert again["container"]["env"] == [{"name": "OSMO_RETRY_ID", "value": "{{retries}}"}]
    assert again["metadata"]["labels"]["osmo.retry_id"] == "{{retries}}"
    assert "retryStrategy" not in found["once"].template
    assert found["once"].labels["osmo.retry_id"] == "0"


def test_codes_are_those_of_the_service() -> None:
    # workflow-spec.md §5.6.
    assert EVICTED == ExitCode.EVICTED
    known = {value for name, value in vars(ExitCode).items() if name.isupper()}
    assert set(WITHOUT_WRAPPER) - {256} <= known
