"""The table of transitions. Source: workflow-spec.md §5.2."""

from __future__ import annotations

import msgspec
import pytest

from tests.unit.lifecycle.plans import moment
from translator.lifecycle.state import GroupState, TaskState
from translator.lifecycle.transitions import Ending, allowed, ended_task, moved_group, moved_task
from translator.lifecycle.words import TaskStatus as S
from translator.plan.model import GroupName, TaskName

PRERUNNING = {S.WAITING, S.PROCESSING, S.SCHEDULING, S.INITIALIZING}
OTHER_FINISHED = [status for status in S if status.finished and status is not S.FAILED_START_TIMEOUT]

# To, allowed from, stamp: the table of the reference, in its order.
ROWS = [
    (S.PROCESSING, {S.WAITING}, "processing_start_time"),
    (S.SCHEDULING, {S.WAITING, S.PROCESSING}, "scheduling_start_time"),
    (S.INITIALIZING, {S.WAITING, S.PROCESSING, S.SCHEDULING}, "initializing_start_time"),
    (S.RUNNING, PRERUNNING, "start_time"),
    (S.FAILED_START_TIMEOUT, PRERUNNING, "end_time"),
    *((status, PRERUNNING | {S.RUNNING}, "end_time") for status in OTHER_FINISHED),
]
OF_TASKS = [status for status in S if status is not S.SUBMITTING]


def an_attempt(status: S) -> TaskState:
    return TaskState(name=TaskName("t"), group=GroupName("g"), status=status)


def a_group(status: S) -> GroupState:
    return GroupState(name=GroupName("g"), status=status)


@pytest.mark.parametrize(("to", "allowed_from", "stamp"), ROWS)
@pytest.mark.parametrize("current", OF_TASKS)
def test_every_row_of_the_table(current: S, to: S, allowed_from: set[S], stamp: str) -> None:
    """'Transitions are guarded …, each timestamp is written once, and nothing leaves a finished state.'"""
    before = an_attempt(current)
    if to.finished:
        after = ended_task(before, Ending(status=to, message="why", exit_code=7), moment(5))
    else:
        after = moved_task(before, to, moment(5))
    if current not in allowed_from:
        assert after is before
        return
    assert after.status is to
    assert getattr(after, stamp) == moment(5)
    assert (after.exit_code, after.failure_message) == ((7, "why") if to.finished else (None, None))


@pytest.mark.parametrize("current", [status for status in S if status.finished])
@pytest.mark.parametrize("to", list(S))
def test_nothing_leaves_a_finished_state(current: S, to: S) -> None:
    assert not allowed(current, to)


def test_a_group_starts_from_submitting() -> None:
    """'SUBMITTING: group initial'; it may go where WAITING may, and to WAITING."""
    for to in S:
        expected = to is S.WAITING or to is S.PROCESSING or allowed(S.WAITING, to)
        assert allowed(S.SUBMITTING, to) is expected


def test_a_group_is_never_rescheduled() -> None:
    """'RESCHEDULED: group never'."""
    before = a_group(S.RUNNING)
    assert moved_group(before, S.RESCHEDULED, moment(1)) is before


@pytest.mark.parametrize(
    ("to", "stamp"),
    [
        (S.PROCESSING, "processing_start_time"),
        (S.SCHEDULING, "scheduling_start_time"),
        (S.INITIALIZING, "initializing_start_time"),
        (S.RUNNING, "start_time"),
        (S.FAILED_CANCELED, "end_time"),
    ],
)
def test_a_group_is_stamped_like_a_task(to: S, stamp: str) -> None:
    after = moved_group(a_group(S.WAITING), to, moment(3), "why")
    assert getattr(after, stamp) == moment(3)
    assert after.failure_message == ("why" if to.finished else None)


def test_a_stamp_that_stands_is_kept() -> None:
    """'each timestamp is written once'."""
    before = msgspec.structs.replace(an_attempt(S.PROCESSING), scheduling_start_time=moment(1))
    assert moved_task(before, S.SCHEDULING, moment(9)).scheduling_start_time == moment(1)


def test_an_empty_message_is_no_message() -> None:
    assert ended_task(an_attempt(S.RUNNING), Ending(status=S.COMPLETED), moment(1)).failure_message is None
