"""What holds after every single fact of every history."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings

from tests.unit.lifecycle.histories import EVERYTHING, History, histories, is_over
from translator.lifecycle.aggregate import group_status, workflow_status
from translator.lifecycle.effects import CreateGroup, CreateTask, DeleteGroup, Seal
from translator.lifecycle.state import GroupState, TaskState
from translator.lifecycle.timers import deadlines
from translator.lifecycle.transitions import allowed
from translator.lifecycle.words import TaskStatus, WorkflowStatus

LAW = settings(deadline=None, max_examples=200)
STAMPS_OF_GROUPS = [field for field in GroupState.__struct_fields__ if field.endswith("_time")]
STAMPS_OF_ATTEMPTS = [field for field in TaskState.__struct_fields__ if field.endswith("_time")]


@LAW
@given(histories(EVERYTHING))
def test_nothing_leaves_a_finished_state_and_stamps_are_written_once(history: History) -> None:
    """'Transitions are guarded …, each timestamp is written once, and nothing leaves a finished state.'"""
    before = history.before
    for change in history.changes:
        after = change.state
        for name, group in after.groups.items():
            _check_step(before.groups[name], group, STAMPS_OF_GROUPS)
        for task, attempts in after.attempts.items():
            assert len(attempts) >= len(before.attempts[task])
            for old, new in zip(before.attempts[task], attempts, strict=False):
                _check_step(old, new, STAMPS_OF_ATTEMPTS)
        if before.status.finished:
            assert (after.status, after.end_time) == (before.status, before.end_time)
        before = after


@LAW
@given(histories(EVERYTHING))
def test_state_is_consistent(history: History) -> None:
    """Groups follow their tasks, the workflow follows its groups, attempts are numbered without gaps."""
    for change in history.changes:
        state = change.state
        for plan in history.index.plan.groups:
            tries = [state.attempts[task.name] for task in plan.tasks]
            for attempts in tries:
                assert [attempt.retry_id for attempt in attempts] == list(range(len(attempts)))
                assert all(attempt.status is TaskStatus.RESCHEDULED for attempt in attempts[:-1])
                assert attempts[-1].status is not TaskStatus.RESCHEDULED
            finished = all(attempts[-1].status.finished for attempts in tries)
            # Lead, counted failures, cancel and timers end all tasks of a group together with it.
            assert state.groups[plan.name].status.group_finished is finished
        statuses = [group.status for group in state.groups.values()]
        assert state.status.finished is all(status.group_finished for status in statuses)
        if state.status.finished:
            assert state.status is workflow_status(statuses)
            assert state.end_time is not None
        else:
            assert state.status is WorkflowStatus.RUNNING or TaskStatus.RUNNING not in statuses


@LAW
@given(histories(EVERYTHING))
def test_ended_groups_have_the_status_that_their_tasks_add_up_to(history: History) -> None:
    """'otherwise aggregated over the latest retry of each task'; the canceled family is set directly."""
    for plan in history.index.plan.groups:
        group = history.state.groups[plan.name]
        if not group.status.group_finished or group.status.canceled_family:
            continue
        every = [history.state.attempts[task.name][-1].status for task in plan.tasks]
        lead = [history.state.attempts[plan.lead.name][-1].status]
        assert group.status is group_status(every, lead if plan.ignore_nonlead_status else every)


@LAW
@given(histories(EVERYTHING))
def test_a_group_begins_only_after_all_its_upstream_completed(history: History) -> None:
    """'A downstream group starts when every upstream group is COMPLETED'; and no group starts after a cancel."""
    for change in history.changes:
        state = change.state
        for effect in change.effects:
            if isinstance(effect, CreateGroup):
                upstream = history.index.groups[effect.group].upstream
                assert all(state.groups[name].status is TaskStatus.COMPLETED for name in upstream)
                assert state.cancelled_by is None


@LAW
@given(histories(EVERYTHING))
def test_effects_are_asked_for_once(history: History) -> None:
    """One creation for each group and attempt, one clean-up for each group that began, one seal; forced clean-ups
    may come again."""
    asked = Counter(effect for change in history.changes for effect in change.effects)
    for effect, count in asked.items():
        assert count == 1 or (isinstance(effect, DeleteGroup) and effect.force)
    state = history.state
    for name, group in state.groups.items():
        began = group.processing_start_time is not None
        deleted = any(isinstance(effect, DeleteGroup) and effect.group == name for effect in asked)
        assert deleted is (began and group.status.group_finished)
        assert (CreateGroup(group=name) in asked) is began
        assert not group.cleaned_up or group.status.group_finished
    for attempts in state.attempts.values():
        for attempt in attempts[1:]:
            # Where a cancel was postponed, nothing was created any more.
            assert state.cancelled_by is not None or CreateTask(task=attempt.name, retry_id=attempt.retry_id) in asked
    assert (Seal() in asked) is is_over(state)


@LAW
@given(histories(EVERYTHING))
def test_retries_keep_to_their_limit(history: History) -> None:
    """'RESCHEDULE and retry_id >= max_retry: keep the reported status.'"""
    for task, attempts in history.state.attempts.items():
        assert len(attempts) - 1 <= history.index.tasks[task].max_retries


@LAW
@given(histories(EVERYTHING))
def test_deadlines_belong_to_what_still_runs(history: History) -> None:
    """No timer of an ended group or attempt; sorted, the next one first."""
    running = deadlines(history.index.plan, history.state)
    assert [deadline.due for deadline in running] == sorted(deadline.due for deadline in running)
    for deadline in running:
        assert not history.state.groups[deadline.group].status.group_finished


@LAW
@given(histories(EVERYTHING))
def test_codes_of_ends_that_the_service_decided(history: History) -> None:
    """'Cancel and timeouts set no exit code'; 'FAILED_UPSTREAM, exit code 3000'."""
    for attempts in history.state.attempts.values():
        for attempt in attempts:
            if attempt.status.canceled_family:
                assert attempt.exit_code is None
            if attempt.status is TaskStatus.FAILED_UPSTREAM:
                assert (attempt.exit_code, attempt.failure_message) == (3000, "Upstream task failed.")


def _check_step(old: GroupState | TaskState, new: GroupState | TaskState, stamps: list[str]) -> None:
    if old.status.finished:
        assert new.status is old.status
    elif new.status is not old.status:
        assert _reachable(old.status, new.status)
    for stamp in stamps:
        assert getattr(old, stamp) in (None, getattr(new, stamp))


def _reachable(old: TaskStatus, new: TaskStatus) -> bool:
    # One fact may make several allowed steps: an observation of what had not begun begins it.
    return allowed(old, new) or (allowed(old, TaskStatus.PROCESSING) and allowed(TaskStatus.PROCESSING, new))
