"""Groups from creation to clean-up. Source: workflow-spec.md §5.2 (creation failures), §5.3, §5.10."""

from __future__ import annotations

import pytest

from tests.unit.lifecycle.plans import Story, group, moment, plan, rule, seen, task
from translator.lifecycle.effects import CreateGroup, DeleteGroup, Seal
from translator.lifecycle.facts import Accepted, DataObserved, GroupCreationFailed, TaskCreationFailed
from translator.lifecycle.words import TaskStatus as S
from translator.lifecycle.words import WorkflowStatus as W
from translator.plan.model import ExitAction, GroupName, TaskName


def two() -> Story:
    """A group of two tasks, created."""
    return Story(plan(group("g", task("lead", lead=True), task("helper"))))


def test_nothing_begins_before_the_workflow_is_accepted() -> None:
    """'SUBMITTING: record exists, not yet taken by the worker'."""
    story = Story(plan(group("a"), group("b", after=["a"])), accepted=False)
    assert (story.group("a").status, story.task("a-task").status) == (S.SUBMITTING, S.WAITING)
    assert (story.state.status, story.state.start_time) == (W.PENDING, None)


def test_acceptance_creates_groups_without_upstream() -> None:
    story = Story(plan(group("a"), group("b", after=["a"]), group("c")))
    assert [story.group(name).status for name in "abc"] == [S.PROCESSING, S.WAITING, S.PROCESSING]
    assert [story.task(f"{name}-task").status for name in "abc"] == [S.PROCESSING, S.WAITING, S.PROCESSING]
    assert story.group("a").processing_start_time == story.task("a-task").processing_start_time == moment(0)
    assert story.effects == (CreateGroup(group=GroupName("a")), CreateGroup(group=GroupName("c")))
    assert story.state.status is W.PENDING


def test_acceptance_twice_creates_once() -> None:
    story = Story(plan(group("a"), group("b", after=["a"])))
    before = story.state
    assert story.happen(Accepted(at=moment(9))).state is before
    assert story.effects == ()


def test_first_task_in_the_queue_moves_the_group() -> None:
    """'The first task that reports SCHEDULING moves the group to SCHEDULING (guards keep it from going back).'"""
    story = two().happen(seen("helper", S.SCHEDULING, 1))
    assert (story.group("g").status, story.group("g").scheduling_start_time) == (S.SCHEDULING, moment(1))
    story.happen(seen("helper", S.INITIALIZING, 2))
    assert (story.group("g").status, story.group("g").initializing_start_time) == (S.INITIALIZING, moment(2))
    story.happen(seen("lead", S.SCHEDULING, 3))
    assert (story.group("g").status, story.group("g").scheduling_start_time) == (S.INITIALIZING, moment(1))
    story.happen(seen("lead", S.INITIALIZING, 4), seen("lead", S.RUNNING, 5), seen("helper", S.RUNNING, 6))
    assert (story.group("g").status, story.group("g").start_time) == (S.RUNNING, moment(5))
    assert (story.state.status, story.state.start_time) == (W.RUNNING, moment(5))


def test_late_facts_do_nothing() -> None:
    """'Events out of order simply do nothing (e.g. SCHEDULING after RUNNING).'"""
    story = two().happen(seen("lead", S.RUNNING, 5))
    before = story.state
    for late in (S.SCHEDULING, S.INITIALIZING, S.RUNNING, S.FAILED_START_TIMEOUT):
        assert story.happen(seen("lead", late, 6)).state is before
    story.ends("lead")
    ended = story.state
    for late in (S.SCHEDULING, S.RUNNING, S.FAILED, S.COMPLETED, S.FAILED_EVICTED):
        assert story.happen(seen("lead", late, 20, exit_code=1)).state is ended
        assert story.effects == ()


@pytest.mark.parametrize("status", [S.SUBMITTING, S.WAITING, S.PROCESSING, S.RESCHEDULED])
def test_words_that_a_runner_cannot_observe_do_nothing(status: S) -> None:
    story = two()
    before = story.state
    assert story.happen(seen("lead", status, 1, exit_code=0)).state is before


def test_facts_of_an_old_retry_do_nothing() -> None:
    """'A status update … of an old retry is ignored.'"""
    rules = (rule(ExitAction.RESCHEDULE, (1, 9)),)
    story = Story(plan(group("g", task("t", lead=True, rules=rules, max_retries=3)))).runs("t").ends("t", 1)
    before = story.state
    for status in (S.RUNNING, S.COMPLETED, S.FAILED):
        assert story.happen(seen("t", status, 20, exit_code=2, retry_id=0)).state is before
        assert story.happen(seen("t", status, 20, exit_code=2, retry_id=7)).state is before
        assert story.happen(seen("t", status, 20, exit_code=2, retry_id=-1)).state is before


def test_unknown_names_do_nothing() -> None:
    story = two()
    before = story.state
    story.happen(seen("nobody", S.RUNNING, 1))
    story.happen(TaskCreationFailed(task=TaskName("nobody"), retry_id=0, message="m", at=moment(1)))
    story.happen(GroupCreationFailed(group=GroupName("nobody"), message="m", at=moment(1)))
    assert story.cleaned("nobody").state is before


def test_place_of_an_attempt_is_kept() -> None:
    """Node, pod and address come when they are known, and stay."""
    story = two()
    first = seen("lead", S.SCHEDULING, 1)
    story.happen(type(first)(task=first.task, retry_id=0, status=S.SCHEDULING, at=moment(1), pod_name="pod-1"))
    story.happen(type(first)(task=first.task, retry_id=0, status=S.RUNNING, at=moment(2), node="n1", pod_ip="10.0.0.1"))
    story.happen(seen("lead", S.RUNNING, 3))
    attempt = story.task("lead")
    assert (attempt.node_name, attempt.pod_name, attempt.pod_ip) == ("n1", "pod-1", "10.0.0.1")


def test_group_that_cannot_be_created() -> None:
    """'"CreateGroup job failed: …" -> FAILED_SERVER_ERROR for all tasks and the group, 3002'."""
    story = Story(plan(group("g", task("lead", lead=True), task("helper")), group("next", after=["g"])))
    story.happen(GroupCreationFailed(group=GroupName("g"), message="no such namespace", at=moment(4)))
    message = "CreateGroup job failed: no such namespace"
    for name in ("lead", "helper"):
        attempt = story.task(name)
        assert (attempt.status, attempt.exit_code, attempt.failure_message) == (S.FAILED_SERVER_ERROR, 3002, message)
    assert (story.group("g").status, story.group("g").failure_message) == (S.FAILED_SERVER_ERROR, message)
    assert story.group("next").status is S.FAILED_UPSTREAM
    assert story.state.status is W.FAILED_SERVER_ERROR
    assert story.effects == (DeleteGroup(group=GroupName("g")),)


def test_attempt_that_cannot_be_created_again() -> None:
    """'"RescheduleTask job failed: …" -> FAILED_BACKEND_ERROR, 3001'."""
    rules = (rule(ExitAction.RESCHEDULE, (1, 9)),)
    story = Story(plan(group("g", task("t", lead=True, rules=rules, max_retries=3)))).runs("t").ends("t", 1)
    story.happen(TaskCreationFailed(task=TaskName("t"), retry_id=0, message="old", at=moment(11)))
    assert story.task("t").status is S.PROCESSING
    story.happen(TaskCreationFailed(task=TaskName("t"), retry_id=1, message="timeout", at=moment(12)))
    attempt = story.task("t")
    assert (attempt.status, attempt.exit_code) == (S.FAILED_BACKEND_ERROR, 3001)
    assert attempt.failure_message == "RescheduleTask job failed: timeout"
    assert story.group("g").status is S.FAILED


def test_clean_up_and_seal() -> None:
    """'When all groups are cleaned, the workflow's logs move' to their final place: Seal, once."""
    story = Story(plan(group("a"), group("b"), group("c", after=["b"])))
    story.runs("a-task", "b-task").ends("a-task", 0, at=10)
    assert not story.group("a").cleaned_up
    assert story.cleaned("a").group("a").cleaned_up
    assert list(story.effects) == []
    story.ends("b-task", 1, at=11)
    assert story.group("c").cleaned_up, "a group that never began needs no clean-up"
    assert story.effects == (DeleteGroup(group=GroupName("b")),)
    assert story.state.status is W.FAILED
    assert story.cleaned("b").effects == (Seal(),)
    assert story.cleaned("b").effects == ()


def test_only_an_ended_group_can_be_clean() -> None:
    story = two().runs("lead")
    before = story.state
    assert story.cleaned("g").state is before


def test_data_times_are_kept_as_first_reported() -> None:
    story = two()
    name = TaskName("lead")
    story.happen(DataObserved(task=name, retry_id=0, input_download_start_time=moment(1)))
    story.happen(
        DataObserved(task=name, retry_id=0, input_download_start_time=moment(2), input_download_end_time=moment(3))
    )
    story.happen(DataObserved(task=name, retry_id=0, output_upload_start_time=moment(4)))
    story.happen(DataObserved(task=name, retry_id=1, output_upload_start_time=moment(5)))
    attempt = story.task("lead")
    assert attempt.input_download_start_time == moment(1)
    assert attempt.input_download_end_time == moment(3)
    assert attempt.output_upload_start_time == moment(4)
