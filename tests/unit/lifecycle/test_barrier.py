"""The barrier. Source: workflow-spec.md §5.5 and §5.4, checklist 11.15."""

from __future__ import annotations

import pytest

from tests.unit.lifecycle.plans import group, task
from translator.lifecycle.barrier import entries_after_reschedule, released
from translator.plan.model import GroupPlan, TaskName

A, B, LEAD = TaskName("a"), TaskName("b"), TaskName("lead")
ALL = {A, B, LEAD}


def three(*, barrier: bool = True, ignore: bool = True) -> GroupPlan:
    return group("g", task("a"), task("b"), task("lead", lead=True), barrier=barrier, ignore_nonlead_status=ignore)


@pytest.mark.parametrize(
    ("announced", "unfinished", "expected"),
    [
        (set(), ALL, set()),
        ({A, B}, ALL, set()),
        (ALL, ALL, ALL),
        # 'A task that ends leaves the set and the condition is re-evaluated.'
        ({A, LEAD}, {A, LEAD}, {A, LEAD}),
        # 'A task that fails before reaching the barrier, when ignored, does not block the others.'
        ({A, B, LEAD}, {A, LEAD}, {A, LEAD}),
        ({A, B}, {A, LEAD}, set()),
        ({A}, set(), set()),
    ],
)
def test_release(announced: set[TaskName], unfinished: set[TaskName], expected: set[TaskName]) -> None:
    """'when its size >= number of tasks whose latest retry is unfinished, all registered ctrls are released'."""
    assert released(three(), announced, unfinished) == expected


def test_without_barrier_everyone_starts_when_ready() -> None:
    """'With barrier: false each command starts as soon as its own inputs are there.'"""
    assert released(three(barrier=False), {A}, ALL) == {A}
    assert released(three(barrier=False), {A, B}, {A, LEAD}) == {A}


@pytest.mark.parametrize(
    ("ignore", "who", "left"),
    [(True, LEAD, set()), (False, LEAD, set()), (True, A, {B, LEAD}), (False, A, set())],
)
def test_entries_after_a_reschedule(ignore: bool, who: TaskName, left: set[TaskName]) -> None:
    """'barrier entries cleared (all of them if the lead or a "not ignored" non-lead caused it; else only t's)'."""
    assert entries_after_reschedule(three(ignore=ignore), ALL, who) == left


def test_an_ignored_helper_that_comes_back_passes_at_once() -> None:
    entries = entries_after_reschedule(three(), ALL, A)
    assert released(three(), entries, ALL) == set()
    assert A in released(three(), entries | {A}, ALL)
