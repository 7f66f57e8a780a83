"""The closed questions about status words. Source: workflow-spec.md §5.1."""

from __future__ import annotations

import pytest

from translator.lifecycle.words import TaskStatus as S
from translator.lifecycle.words import WorkflowStatus

ALIVE = {S.SUBMITTING, S.WAITING, S.PROCESSING, S.SCHEDULING, S.INITIALIZING, S.RUNNING}


def test_finished_task_and_group() -> None:
    """'finished (task) = COMPLETED, RESCHEDULED, FAILED*; finished (group) = COMPLETED, FAILED*'."""
    assert {status for status in S if status.finished} == set(S) - ALIVE
    assert {status for status in S if status.group_finished} == set(S) - ALIVE - {S.RESCHEDULED}
    assert {status for status in S if status.failed} == {status for status in S if status.value.startswith("FAILED")}


def test_before_running() -> None:
    """'prescheduling = SUBMITTING, WAITING, PROCESSING; in queue = + SCHEDULING; prerunning = + INITIALIZING'."""
    prescheduling = {S.SUBMITTING, S.WAITING, S.PROCESSING}
    assert {status for status in S if status.prescheduling} == prescheduling
    assert {status for status in S if status.in_queue} == prescheduling | {S.SCHEDULING}
    assert {status for status in S if status.prerunning} == prescheduling | {S.SCHEDULING, S.INITIALIZING}


def test_canceled_family() -> None:
    """'FAILED_CANCELED, FAILED_EXEC_TIMEOUT, FAILED_QUEUE_TIMEOUT: the "canceled" family'."""
    family = {S.FAILED_CANCELED, S.FAILED_EXEC_TIMEOUT, S.FAILED_QUEUE_TIMEOUT}
    assert {status for status in S if status.canceled_family} == family


def test_error_logs() -> None:
    """'has error logs = RESCHEDULED or failed, except UPSTREAM, SERVER_ERROR, EVICTED, START_ERROR, IMAGE_PULL and the
    canceled family'."""
    assert {status for status in S if status.has_error_logs} == {
        S.RESCHEDULED,
        S.FAILED,
        S.FAILED_BACKEND_ERROR,
        S.FAILED_START_TIMEOUT,
        S.FAILED_PREEMPTED,
    }


@pytest.mark.parametrize("status", list(WorkflowStatus))
def test_workflow_is_finished_unless_alive(status: WorkflowStatus) -> None:
    """Column 'Alive' of the workflow's statuses."""
    alive = status in {WorkflowStatus.PENDING, WorkflowStatus.RUNNING, WorkflowStatus.WAITING}
    assert status.finished is not alive
    assert status.failed is (not alive and status is not WorkflowStatus.COMPLETED)
