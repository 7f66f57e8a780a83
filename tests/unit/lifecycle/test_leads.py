"""Leads and non-leads. Source: workflow-spec.md §5.3, checklist 11.13 and 11.15."""

from __future__ import annotations

import pytest

from tests.unit.lifecycle.plans import Story, group, moment, plan, rule, seen, task
from translator.lifecycle.effects import CreateTask, DeleteGroup, RestartInPlace
from translator.lifecycle.words import TaskStatus as S
from translator.plan.model import ExitAction, GroupName, TaskName

DELETE = (DeleteGroup(group=GroupName("g")),)


def three(*, ignore: bool, max_retries: int = 1) -> Story:
    """A group of a lead and two helpers, all running; code 42 reschedules."""
    rules = (rule(ExitAction.RESCHEDULE, (42, 42)),)
    tasks = [task(name, lead=name == "lead", rules=rules, max_retries=max_retries) for name in ("a", "lead", "b")]
    return Story(plan(group("g", *tasks, ignore_nonlead_status=ignore))).runs("a", "lead", "b")


@pytest.mark.parametrize("ignore", [True, False])
def test_lead_completes(ignore: bool) -> None:
    """'every unfinished sibling is set to COMPLETED if the lead COMPLETED, message "Lead task finished"'."""
    story = three(ignore=ignore).ends("lead")
    for helper in ("a", "b"):
        attempt = story.task(helper)
        assert (attempt.status, attempt.failure_message) == (S.COMPLETED, "Lead task finished")
        assert (attempt.exit_code, attempt.end_time) == (None, moment(10))
    assert (story.group("g").status, story.group("g").failure_message) == (S.COMPLETED, None)
    assert story.effects == DELETE


@pytest.mark.parametrize("ignore", [True, False])
@pytest.mark.parametrize(
    ("reported", "code", "of_group"),
    [
        (S.FAILED, 7, S.FAILED),
        (S.FAILED_EVICTED, 3004, S.FAILED_EVICTED),
        (S.FAILED_PREEMPTED, 3006, S.FAILED_PREEMPTED),
        (S.FAILED_BACKEND_ERROR, 3001, S.FAILED),
        (S.FAILED_IMAGE_PULL, 301, S.FAILED),
    ],
)
def test_lead_fails(ignore: bool, reported: S, code: int, of_group: S) -> None:
    """'… or FAILED if the lead failed (never the lead's special status)'."""
    story = three(ignore=ignore).ends("lead", code, status=reported, message="reason")
    for helper in ("a", "b"):
        assert (story.task(helper).status, story.task(helper).failure_message) == (S.FAILED, "Lead task finished")
    assert (story.group("g").status, story.group("g").failure_message) == (of_group, "reason")
    assert story.effects == DELETE


@pytest.mark.parametrize("ignore", [True, False])
def test_non_lead_completes(ignore: bool) -> None:
    """'COMPLETED: nothing; group continues until the lead ends' (both columns)."""
    story = three(ignore=ignore).ends("a").ends("b")
    assert (story.task("a").status, story.task("lead").status) == (S.COMPLETED, S.RUNNING)
    assert (story.group("g").status, story.effects) == (S.RUNNING, ())
    assert story.ends("lead").group("g").status is S.COMPLETED


def test_ignored_non_lead_fails() -> None:
    """'failed: recorded on the task only'."""
    story = three(ignore=True).ends("a", 3, message="why")
    assert (story.task("a").status, story.task("a").failure_message) == (S.FAILED, "why")
    assert (story.task("b").status, story.group("g").status, story.effects) == (S.RUNNING, S.RUNNING, ())
    assert story.ends("lead").group("g").status is S.COMPLETED


@pytest.mark.parametrize(
    ("reported", "code", "of_group"),
    [
        (S.FAILED, 3, S.FAILED),
        (S.FAILED_EVICTED, 3004, S.FAILED_EVICTED),
        (S.FAILED_PREEMPTED, 3006, S.FAILED_PREEMPTED),
    ],
)
def test_counted_non_lead_fails(reported: S, code: int, of_group: S) -> None:
    """'all other unfinished tasks of the group, lead included, become FAILED "Task X Failed."; clean-up; group FAILED
    (or EVICTED/PREEMPTED)'."""
    story = three(ignore=False).ends("b").ends("a", code, status=reported)
    assert (story.task("a").status, story.task("a").exit_code) == (reported, code)
    assert (story.task("lead").status, story.task("lead").failure_message) == (S.FAILED, "Task a Failed.")
    assert story.task("lead").exit_code is None
    assert story.task("b").status is S.COMPLETED
    assert (story.group("g").status, story.group("g").failure_message) == (of_group, "Task a Failed.")
    assert story.effects == DELETE


def test_group_keeps_the_message_of_the_event_that_ended_it() -> None:
    """'The group's failure_message is that of the event that ended it.'"""
    assert three(ignore=False).ends("a", 3, message="disk full").group("g").failure_message == "disk full"


def test_preempted_ignored_non_lead_fails_the_group() -> None:
    """'FAILED_PREEMPTED in all (also from an ignored non-lead!)', at the end of the lead."""
    story = three(ignore=True).ends("a", 3006, status=S.FAILED_PREEMPTED)
    assert story.group("g").status is S.RUNNING
    assert story.ends("lead").group("g").status is S.FAILED_PREEMPTED


@pytest.mark.parametrize(
    ("ignore", "who", "restarted"),
    [
        (True, "lead", ("a", "b")),
        (False, "lead", ("a", "b")),
        (True, "a", None),
        (False, "a", ("lead", "b")),
    ],
)
def test_reschedule_restarts_siblings_in_place(ignore: bool, who: str, restarted: tuple[str, ...] | None) -> None:
    """'RESCHEDULED: only that task is re-created | that task is re-created and all other tasks restart in place. If the
    lead ends by RESCHEDULE, all other tasks restart in place, whatever ignoreNonleadStatus says.'"""
    story = three(ignore=ignore)
    others = {name: story.task(name) for name in ("a", "lead", "b") if name != who}
    story.ends(who, 42)
    create = CreateTask(task=TaskName(who), retry_id=1)
    if restarted is None:
        assert story.effects == (create,)
    else:
        names = tuple(TaskName(name) for name in restarted)
        assert story.effects == (RestartInPlace(tasks=names, because_of=TaskName(who), retry_id=1), create)
    # 'retry_id, status and exec timer unchanged'
    assert {name: story.task(name) for name in others} == others
    assert story.group("g").status is S.RUNNING


def test_finished_siblings_are_not_restarted() -> None:
    story = three(ignore=False).ends("b").ends("lead", 42)
    assert RestartInPlace(tasks=(TaskName("a"),), because_of=TaskName("lead"), retry_id=1) in story.effects


def test_lead_ends_while_a_helper_waits_for_its_new_attempt() -> None:
    """'If the group finishes meanwhile, the re-creation is dropped.'"""
    story = three(ignore=True)
    story.happen(
        seen("a", S.FAILED, 9, exit_code=42),
        seen("lead", S.COMPLETED, 10, exit_code=0),
    )
    assert [attempt.status for attempt in story.attempts("a")] == [S.RESCHEDULED, S.COMPLETED]
    assert story.effects == DELETE


def test_observation_of_an_outer_end_ends_the_whole_group() -> None:
    """'Set directly (no aggregation) for in-queue values and the canceled family'; 'Cancel and timeouts set no exit
    code.'"""
    story = three(ignore=True)
    story.happen(seen("a", S.FAILED_EXEC_TIMEOUT, 10, exit_code=137, message="too long"))
    for name in ("a", "lead", "b"):
        assert (story.task(name).status, story.task(name).exit_code) == (S.FAILED_EXEC_TIMEOUT, None)
    assert (story.group("g").status, story.group("g").failure_message) == (S.FAILED_EXEC_TIMEOUT, "too long")
