"""The timers that the mirror keeps are those that follow from the state, however it came there."""

from __future__ import annotations

from hypothesis import given, settings

from gateway.mirror.timers import TimerKey, running, timer_changes
from gateway.ports.runs import Timer
from tests.unit.lifecycle.histories import EVERYTHING, History, histories
from translator.lifecycle.state import WorkflowState
from translator.lifecycle.timers import deadlines
from translator.plan.model import Plan

LAW = settings(deadline=None, max_examples=100)


def _wanted(plan: Plan, state: WorkflowState) -> dict[TimerKey, object]:
    return {(one.kind.value, one.task or one.group): one.due for one in deadlines(plan, state)}


@LAW
@given(histories(EVERYTHING))
def test_changes_add_up_to_all_deadlines(history: History) -> None:
    """Step by step, and from nothing at the end."""
    plan = history.index.plan
    standing = running(frozenset())
    before = history.before
    for change in history.changes:
        gone, new = timer_changes(plan, before, change.state, standing)
        for timer in gone:
            assert standing.pop((timer.kind, timer.subject)) == timer.due
        for timer in new:
            standing[timer.kind, timer.subject] = timer.due
        assert standing == _wanted(plan, change.state)
        before = change.state
    assert timer_changes(plan, None, before, standing) == ((), ())
    _, all_new = timer_changes(plan, None, before, {})
    assert running(frozenset(all_new)) == standing


@LAW
@given(histories(EVERYTHING))
def test_what_no_longer_follows_from_the_rows_is_taken_away(history: History) -> None:
    """Rows may hold timers that a newer version no longer wants."""
    plan, state = history.index.plan, history.state
    old = state.submit_time
    stale = [Timer(kind=kind, subject=group, due=old) for kind in ("queue", "exec") for group in state.groups]
    gone, new = timer_changes(plan, None, state, running(frozenset(stale)))
    kept = {(timer.kind, timer.subject): timer.due for timer in stale if timer not in gone}
    kept.update({(timer.kind, timer.subject): timer.due for timer in new})
    assert kept == _wanted(plan, state)
