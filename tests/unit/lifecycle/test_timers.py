"""Timers. Source: workflow-spec.md §5.7, checklist 11.16."""

from __future__ import annotations

import pytest

from tests.unit.lifecycle.plans import Story, group, moment, plan, rule, seen, task
from translator.lifecycle.effects import CreateTask, DeleteGroup
from translator.lifecycle.timers import Deadline, DeadlineKind, deadlines, duration_text
from translator.lifecycle.words import TaskStatus as S
from translator.lifecycle.words import WorkflowStatus as W
from translator.plan.model import ExitAction, GroupName, TaskName


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (120, "2 minutes"),
        (600, "10 minutes"),
        (3600, "1 hours"),
        (86400, "1 days"),
        (1, "1 seconds"),
        (90, "1 minutes, 30 seconds"),
        (2 * 86400 + 3 * 3600 + 4 * 60 + 5, "2 days, 3 hours, 4 minutes, 5 seconds"),
        (86400 + 5, "1 days, 5 seconds"),
        (60 * 86400, "60 days"),
        (0.5, "0.5 seconds"),
        (61.25, "1 minutes, 1.25 seconds"),
        (59.999999, "59.999999 seconds"),
        (0.000001, "0.000001 seconds"),
        (10, "10 seconds"),
        (0, "0 seconds"),
    ],
)
def test_duration_text(seconds: float, text: str) -> None:
    """'written D days, H hours, M minutes, S seconds with zero parts omitted ("1 hours")'."""
    assert duration_text(seconds) == text


def test_queue_timer() -> None:
    """'queue: group enters SCHEDULING … "Task stayed in queue longer than the set limit of 10 minutes."'"""
    story = Story(plan(group("g"), group("next", after=["g"]), group("other"), queue_timeout_seconds=600))
    story.happen(seen("g-task", S.SCHEDULING, 100), seen("other-task", S.RUNNING, 100))
    assert story.tick(699.9).group("g").status is S.SCHEDULING
    story.tick(700)
    message = "Task stayed in queue longer than the set limit of 10 minutes."
    assert (story.group("g").status, story.group("g").failure_message) == (S.FAILED_QUEUE_TIMEOUT, message)
    attempt = story.task("g-task")
    assert (attempt.status, attempt.failure_message, attempt.exit_code) == (S.FAILED_QUEUE_TIMEOUT, message, None)
    # 'Only the group concerned fails; downstream ones become FAILED_UPSTREAM; parallel groups continue.'
    assert (story.group("next").status, story.group("other").status) == (S.FAILED_UPSTREAM, S.RUNNING)
    assert story.effects == (DeleteGroup(group=GroupName("g")),)


@pytest.mark.parametrize("stopped_by", [S.INITIALIZING, S.RUNNING])
def test_queue_timer_stops(stopped_by: S) -> None:
    """'Stops: group reaches INITIALIZING or later'."""
    story = Story(plan(group("g"), queue_timeout_seconds=10, start_timeout_seconds=None))
    story.happen(seen("g-task", S.SCHEDULING, 1), seen("g-task", stopped_by, 2)).tick(1000)
    assert story.group("g").status is stopped_by


def test_waiting_is_never_limited() -> None:
    """'Waiting for upstream groups (WAITING) is never limited'; the queue timer counts in SCHEDULING only."""
    limits = plan(group("a"), group("b", after=["a"]), queue_timeout_seconds=10, exec_timeout_seconds=10)
    story = Story(limits).tick(10_000)
    assert (story.group("a").status, story.group("b").status) == (S.PROCESSING, S.WAITING)


def test_exec_timer() -> None:
    """'exec: group first RUNNING … "Task ran longer than the set limit of 2 minutes."'"""
    story = Story(plan(group("g", task("lead", lead=True), task("helper")), exec_timeout_seconds=120))
    story.happen(seen("helper", S.RUNNING, 10), seen("lead", S.RUNNING, 50)).tick(129)
    assert story.group("g").status is S.RUNNING
    story.tick(130)
    message = "Task ran longer than the set limit of 2 minutes."
    for name in ("lead", "helper"):
        attempt = story.task(name)
        assert (attempt.status, attempt.failure_message, attempt.exit_code) == (S.FAILED_EXEC_TIMEOUT, message, None)
        assert attempt.end_time == moment(130)
    assert (story.group("g").status, story.group("g").failure_message) == (S.FAILED_EXEC_TIMEOUT, message)
    assert story.state.status is W.FAILED_EXEC_TIMEOUT


def test_exec_timer_counts_all_retries() -> None:
    """'exec timer not reset' by RESCHEDULE."""
    of = task("t", lead=True, rules=(rule(ExitAction.RESCHEDULE, (1, 1)),), max_retries=9)
    story = Story(plan(group("g", of), exec_timeout_seconds=60)).runs("t", at=0).ends("t", 1, at=40)
    story.runs("t", at=41).tick(60.2)
    assert [attempt.status for attempt in story.attempts("t")] == [S.RESCHEDULED, S.FAILED_EXEC_TIMEOUT]


def test_three_serial_groups_within_the_limit_of_each() -> None:
    """'three serial 60 s groups with a 3 min limit must complete' (per group, not for the workflow)."""
    groups = [group(f"g{i}", after=[f"g{i - 1}"] if i else []) for i in range(3)]
    story = Story(plan(*groups, exec_timeout_seconds=90))
    for number in range(3):
        story.runs(f"g{number}-task", at=100 * number)
        for second in range(60):
            story.tick(100 * number + second)
        story.ends(f"g{number}-task", at=100 * number + 60).tick(100 * number + 99)
    assert story.state.status is W.COMPLETED


def test_start_timer_is_of_the_task() -> None:
    """'start: task INITIALIZING -> RUNNING; task FAILED_START_TIMEOUT (3005), 30 min'."""
    story = Story(plan(group("g", task("lead", lead=True), task("helper"))))
    story.happen(seen("lead", S.RUNNING, 0), seen("helper", S.INITIALIZING, 10)).tick(1809)
    assert story.task("helper").status is S.INITIALIZING
    story.tick(1810)
    attempt = story.task("helper")
    assert (attempt.status, attempt.exit_code) == (S.FAILED_START_TIMEOUT, 3005)
    assert attempt.failure_message == "Task stayed in initialization longer than the set limit of 30 minutes."
    assert (story.task("lead").status, story.group("g").status) == (S.RUNNING, S.RUNNING)


def test_start_timeout_of_the_lead_ends_the_group_as_failed() -> None:
    """Groups collapse special failures of a task to FAILED; a timer that its group's end overtook does nothing."""
    story = Story(plan(group("g", task("lead", lead=True), task("helper")), start_timeout_seconds=30))
    story.happen(seen("lead", S.INITIALIZING, 1), seen("helper", S.INITIALIZING, 2)).tick(60)
    assert (story.task("lead").status, story.task("helper").status) == (S.FAILED_START_TIMEOUT, S.FAILED)
    assert story.group("g").status is S.FAILED


def test_start_timeout_has_a_code_and_so_takes_exit_actions() -> None:
    of = task("t", lead=True, rules=(rule(ExitAction.RESCHEDULE, (3005, 3005)),), max_retries=1)
    story = Story(plan(group("g", of), start_timeout_seconds=30)).happen(seen("t", S.INITIALIZING, 1)).tick(31)
    assert [attempt.status for attempt in story.attempts("t")] == [S.RESCHEDULED, S.PROCESSING]
    assert story.effects == (CreateTask(task=TaskName("t"), retry_id=1),)


def test_only_a_tick_fires() -> None:
    """A fact that is later than a deadline does not fire it: an end that came in time but late counts."""
    story = Story(plan(group("g"), exec_timeout_seconds=10)).runs("g-task", at=0).ends("g-task", at=500)
    assert story.tick(501).group("g").status is S.COMPLETED


def test_no_limit_no_deadline() -> None:
    of = plan(group("a"), group("b"), start_timeout_seconds=None)
    story = Story(of).happen(seen("a-task", S.INITIALIZING, 1), seen("b-task", S.RUNNING, 1))
    assert deadlines(of, story.state) == ()


def test_deadlines_by_due_time() -> None:
    """Shape: the next one first, START per task, the others per group."""
    of = plan(
        group("queued"),
        group("running"),
        group("starting"),
        group("new"),
        queue_timeout_seconds=300,
        exec_timeout_seconds=200,
        start_timeout_seconds=100,
    )
    story = Story(of).happen(
        seen("queued-task", S.SCHEDULING, 1),
        seen("running-task", S.RUNNING, 1),
        seen("starting-task", S.INITIALIZING, 1),
    )
    story.cancel(at=2)
    assert deadlines(of, story.state) == (Deadline(kind=DeadlineKind.CANCEL, group=GroupName("new"), due=moment(62)),)
    again = Story(of).happen(
        seen("queued-task", S.SCHEDULING, 1),
        seen("running-task", S.RUNNING, 1),
        seen("starting-task", S.INITIALIZING, 1),
    )
    assert deadlines(of, again.state) == (
        Deadline(
            kind=DeadlineKind.START,
            group=GroupName("starting"),
            due=moment(101),
            task=TaskName("starting-task"),
            retry_id=0,
        ),
        Deadline(kind=DeadlineKind.EXEC, group=GroupName("running"), due=moment(201)),
        Deadline(kind=DeadlineKind.QUEUE, group=GroupName("queued"), due=moment(301)),
    )


def test_finished_workflow_has_no_deadlines() -> None:
    of = plan(group("g"), exec_timeout_seconds=10, queue_timeout_seconds=10)
    story = Story(of).runs("g-task").ends("g-task")
    assert deadlines(of, story.state) == ()
