"""The reducer as a whole; its laws are in tests/property."""

from __future__ import annotations

import pytest

from tests.unit.lifecycle.plans import START, Story, group, moment, plan, seen, task
from translator.lifecycle.facts import Accepted, AnyFact, GroupCleaned, Tick
from translator.lifecycle.reduce import PlanIndex, initial_state, reduce
from translator.lifecycle.words import TaskStatus as S
from translator.lifecycle.words import WorkflowStatus as W
from translator.plan.model import GroupName, TaskName


def test_initial_state() -> None:
    """Groups SUBMITTING with all their upstream remaining; attempt 0 of every task WAITING."""
    state = initial_state(plan(group("a"), group("b", task("x", lead=True), task("y"), after=["a"])), START)
    assert (state.status, state.submit_time, state.start_time, state.end_time) == (W.PENDING, START, None, None)
    assert list(state.groups) == ["a", "b"]
    assert {known.status for known in state.groups.values()} == {S.SUBMITTING}
    assert state.groups[GroupName("b")].remaining_upstream == {"a"}
    assert list(state.attempts) == ["a-task", "x", "y"]
    (only,) = state.attempts[TaskName("y")]
    assert (only.group, only.retry_id, only.status) == ("b", 0, S.WAITING)


def test_index_finds_dependents_by_upstream() -> None:
    index = PlanIndex.of(plan(group("a"), group("b", after=["a"]), group("c", after=["a", "b"])))
    assert index.downstream == {"a": ("b", "c"), "b": ("c",), "c": ()}
    assert index.group_of[TaskName("c-task")].name == "c"
    assert index.tasks[TaskName("c-task")].lead


def test_index_refuses_an_unknown_upstream() -> None:
    with pytest.raises(KeyError, match="nowhere"):
        PlanIndex.of(plan(group("a", after=["nowhere"])))


def test_no_facts_no_change() -> None:
    story = Story(plan(group("a")))
    before = story.state
    assert story.happen().state is before
    assert story.effects == ()


def test_the_given_state_is_left_as_it_was() -> None:
    """Values in, values out."""
    of = plan(group("a"), group("b", after=["a"]))
    state = initial_state(of, START)
    reduce(PlanIndex.of(of), state, [Accepted(at=moment(0)), seen("a-task", S.FAILED, 1, exit_code=1)])
    assert state == initial_state(of, START)


def test_a_whole_history_in_one_step() -> None:
    """Together or one by one: the same state."""
    of = plan(group("a"), group("b", after=["a"]))
    facts: list[AnyFact] = [
        Accepted(at=moment(0)),
        seen("a-task", S.RUNNING, 1),
        seen("a-task", S.COMPLETED, 2, exit_code=0),
        GroupCleaned(group=GroupName("a"), at=moment(3)),
        seen("b-task", S.RUNNING, 4),
        Tick(at=moment(5)),
        seen("b-task", S.FAILED, 6, exit_code=1),
        GroupCleaned(group=GroupName("b"), at=moment(7)),
    ]
    together, single = Story(of, accepted=False).happen(*facts), Story(of, accepted=False)
    for fact in facts:
        single.happen(fact)
    assert together.state == single.state
    assert together.state.status is W.FAILED
    assert together.effects == single.effects
