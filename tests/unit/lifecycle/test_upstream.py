"""Dependents and the workflow's status. Source: workflow-spec.md §5.9, checklist 11.18."""

from __future__ import annotations

import time

import pytest

from tests.unit.lifecycle.plans import Story, group, moment, plan, seen, task
from translator.lifecycle.effects import CreateGroup, DeleteGroup
from translator.lifecycle.words import TaskStatus as S
from translator.lifecycle.words import WorkflowStatus as W
from translator.plan.model import GroupName, GroupPlan


def chain(length: int) -> list[GroupPlan]:
    """g0 <- g1 <- g2 …"""
    return [group(f"g{i}", after=[f"g{i - 1}"] if i else []) for i in range(length)]


def test_completed_group_releases_its_dependents() -> None:
    """'it is removed from remaining_upstream_groups of its dependents; those with an empty set and status
    SUBMITTING/WAITING go to PROCESSING'."""
    story = Story(plan(group("a"), group("b"), group("c", after=["a", "b"]), group("d", after=["a"])))
    story.runs("a-task", "b-task").ends("a-task", at=10)
    assert story.group("c").remaining_upstream == {GroupName("b")}
    assert (story.group("c").status, story.group("d").status) == (S.WAITING, S.PROCESSING)
    assert story.effects == (DeleteGroup(group=GroupName("a")), CreateGroup(group=GroupName("d")))
    story.ends("b-task", at=11)
    assert (story.group("c").status, story.group("c").processing_start_time) == (S.PROCESSING, moment(11))
    assert CreateGroup(group=GroupName("c")) in story.effects


@pytest.mark.parametrize("reported", [S.FAILED, S.FAILED_EVICTED, S.FAILED_PREEMPTED, S.FAILED_EXEC_TIMEOUT])
def test_failure_falls_through_to_all_dependents(reported: S) -> None:
    """'every downstream group gets FAILED_UPSTREAM, exit code 3000, "Upstream task failed.", recursively'."""
    story = Story(
        plan(group("a"), group("b", task("x", lead=True), task("y"), after=["a"]), group("c", after=["b"]), group("o"))
    )
    story.runs("a-task", "o-task").ends("a-task", 9, status=reported)
    for name in ("x", "y", "c-task"):
        attempt = story.task(name)
        assert (attempt.status, attempt.exit_code) == (S.FAILED_UPSTREAM, 3000)
        assert (attempt.failure_message, attempt.end_time) == ("Upstream task failed.", moment(10))
    for name in ("b", "c"):
        known = story.group(name)
        assert (known.status, known.failure_message, known.cleaned_up) == (
            S.FAILED_UPSTREAM,
            "Upstream task failed.",
            True,
        )
    # 'Independent groups go on (no fail-fast)'; 'a failed group does not finish the workflow while others run'.
    assert (story.group("o").status, story.state.status, story.state.end_time) == (S.RUNNING, W.RUNNING, None)
    assert story.effects == (DeleteGroup(group=GroupName("a")),)


def test_one_of_two_upstreams_fails() -> None:
    story = Story(plan(group("a"), group("b"), group("c", after=["a", "b"])))
    story.runs("a-task", "b-task").ends("a-task", 1).ends("b-task", 0, at=12)
    assert story.group("c").status is S.FAILED_UPSTREAM
    assert (story.state.status, story.state.end_time) == (W.FAILED, moment(12))


def test_workflow_stays_running_between_two_groups() -> None:
    """'stored status never returns from RUNNING to PENDING, so it stays RUNNING between two sequential groups';
    'start_time = first RUNNING; end_time once'."""
    story = Story(plan(*chain(2))).runs("g0-task", at=1)
    assert (story.state.status, story.state.start_time) == (W.RUNNING, moment(1.2))
    story.ends("g0-task", at=2)
    assert (story.group("g1").status, story.state.status) == (S.PROCESSING, W.RUNNING)
    story.runs("g1-task", at=3).ends("g1-task", at=4)
    assert (story.state.status, story.state.start_time, story.state.end_time) == (W.COMPLETED, moment(1.2), moment(4))


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ([(0, None), (0, None)], W.COMPLETED),
        ([(1, None), (0, None)], W.FAILED),
        ([(3004, S.FAILED_EVICTED), (0, None)], W.FAILED_EVICTED),
        ([(3006, S.FAILED_PREEMPTED), (3006, S.FAILED_PREEMPTED)], W.FAILED_PREEMPTED),
        ([(3006, S.FAILED_PREEMPTED), (3004, S.FAILED_EVICTED)], W.FAILED),
        ([(301, S.FAILED_IMAGE_PULL), (301, S.FAILED_IMAGE_PULL)], W.FAILED),
    ],
)
def test_workflow_status_over_real_ends(ends: list[tuple[int, S | None]], expected: W) -> None:
    story = Story(plan(group("a"), group("b"))).runs("a-task", "b-task")
    for name, (code, status) in zip(("a-task", "b-task"), ends, strict=True):
        story.ends(name, code, status=status)
    assert story.state.status is expected


def test_a_chain_of_a_thousand_falls_at_once() -> None:
    """'recursively', without Python's recursion limit."""
    story = Story(plan(*chain(1000))).runs("g0-task").ends("g0-task", 1)
    assert story.group("g999").status is S.FAILED_UPSTREAM
    assert story.state.status is W.FAILED


@pytest.mark.parametrize("chained", [False, True])
def test_a_thousand_groups_are_quick(chained: bool) -> None:
    """Four facts for each of 1,000 one-task groups, one by one, take less than two seconds."""
    groups = chain(1000) if chained else [group(f"g{i}") for i in range(1000)]
    story = Story(plan(*groups))
    begun = time.process_time()
    for number in range(1000):
        story.runs(f"g{number}-task", at=number).ends(f"g{number}-task", at=number + 0.5)
    assert story.state.status is W.COMPLETED
    assert time.process_time() - begun < 2


def test_a_wide_group_is_quick() -> None:
    """The same for 1,000 tasks in one group."""
    tasks = [task(f"t{i}", lead=i == 999) for i in range(1000)]
    story = Story(plan(group("g", *tasks)))
    begun = time.process_time()
    for number in range(1000):
        story.runs(f"t{number}", at=number).ends(f"t{number}", at=number + 0.5)
    assert story.state.status is W.COMPLETED
    assert time.process_time() - begun < 2


def test_a_group_seen_before_it_was_released_counts_as_begun() -> None:
    """What exists is cleaned, and it falls with its upstream like any other."""
    story = Story(plan(*chain(2))).runs("g0-task").happen(seen("g1-task", S.RUNNING, 5))
    assert story.group("g1").status is S.RUNNING
    story.ends("g0-task", 1)
    assert (story.group("g1").status, story.group("g1").cleaned_up) == (S.FAILED_UPSTREAM, False)
    assert DeleteGroup(group=GroupName("g1")) in story.effects
