"""Group and workflow status. Source: workflow-spec.md §5.3 and §5.9."""

from __future__ import annotations

import pytest

from translator.lifecycle.aggregate import group_status, workflow_status
from translator.lifecycle.words import TaskStatus as S
from translator.lifecycle.words import WorkflowStatus as W


@pytest.mark.parametrize(
    ("lead", "others", "ignoring", "counting"),
    [
        # Some task is not group-finished.
        (S.SCHEDULING, [S.INITIALIZING], S.INITIALIZING, S.INITIALIZING),
        (S.PROCESSING, [S.PROCESSING], S.INITIALIZING, S.INITIALIZING),
        (S.INITIALIZING, [S.RUNNING], S.RUNNING, S.RUNNING),
        (S.INITIALIZING, [S.COMPLETED], S.RUNNING, S.RUNNING),
        (S.SCHEDULING, [S.FAILED_IMAGE_PULL], S.RUNNING, S.RUNNING),
        (S.RESCHEDULED, [S.COMPLETED], S.RUNNING, S.RUNNING),
        (S.RESCHEDULED, [], S.RUNNING, S.RUNNING),
        # All are finished: any task.
        (S.FAILED_UPSTREAM, [S.FAILED_SERVER_ERROR], S.FAILED_UPSTREAM, S.FAILED_UPSTREAM),
        (S.COMPLETED, [S.FAILED_UPSTREAM], S.FAILED_UPSTREAM, S.FAILED_UPSTREAM),
        (S.FAILED_SERVER_ERROR, [S.FAILED_PREEMPTED], S.FAILED_SERVER_ERROR, S.FAILED_SERVER_ERROR),
        (S.COMPLETED, [S.FAILED_SERVER_ERROR], S.FAILED_SERVER_ERROR, S.FAILED_SERVER_ERROR),
        (S.COMPLETED, [S.FAILED_PREEMPTED], S.FAILED_PREEMPTED, S.FAILED_PREEMPTED),
        (S.FAILED_EVICTED, [S.FAILED_PREEMPTED], S.FAILED_PREEMPTED, S.FAILED_PREEMPTED),
        # Considered tasks only.
        (S.FAILED_EVICTED, [S.FAILED], S.FAILED_EVICTED, S.FAILED_EVICTED),
        (S.COMPLETED, [S.FAILED_EVICTED], S.COMPLETED, S.FAILED_EVICTED),
        (S.FAILED, [S.FAILED_EVICTED], S.FAILED, S.FAILED_EVICTED),
        (S.COMPLETED, [S.FAILED], S.COMPLETED, S.FAILED),
        (S.FAILED, [S.COMPLETED], S.FAILED, S.FAILED),
        (S.COMPLETED, [S.COMPLETED], S.COMPLETED, S.COMPLETED),
        # Special failures of a task collapse.
        (S.FAILED_IMAGE_PULL, [], S.FAILED, S.FAILED),
        (S.FAILED_BACKEND_ERROR, [], S.FAILED, S.FAILED),
        (S.FAILED_START_ERROR, [], S.FAILED, S.FAILED),
        (S.FAILED_START_TIMEOUT, [], S.FAILED, S.FAILED),
    ],
)
def test_group_status(lead: S, others: list[S], ignoring: S, counting: S) -> None:
    """'aggregated over the latest retry of each task'; considered = the lead only if ignoreNonleadStatus, else all."""
    every = [lead, *others]
    assert group_status(every, [lead]) is ignoring
    assert group_status(every, every) is counting


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        # Some group is unfinished.
        ([S.SUBMITTING], W.PENDING),
        ([S.PROCESSING, S.WAITING], W.PENDING),
        ([S.INITIALIZING, S.COMPLETED], W.PENDING),
        ([S.RUNNING, S.WAITING], W.RUNNING),
        ([S.RUNNING, S.FAILED_CANCELED, S.FAILED], W.RUNNING),
        # All are finished: FAILED_CANCELED > FAILED_SERVER_ERROR > FAILED_EXEC_TIMEOUT > FAILED_QUEUE_TIMEOUT.
        (
            [S.FAILED_QUEUE_TIMEOUT, S.FAILED_EXEC_TIMEOUT, S.FAILED_SERVER_ERROR, S.FAILED_CANCELED],
            W.FAILED_CANCELED,
        ),
        ([S.FAILED_QUEUE_TIMEOUT, S.FAILED_EXEC_TIMEOUT, S.FAILED_SERVER_ERROR], W.FAILED_SERVER_ERROR),
        ([S.FAILED_QUEUE_TIMEOUT, S.FAILED_EXEC_TIMEOUT, S.FAILED_PREEMPTED], W.FAILED_EXEC_TIMEOUT),
        ([S.FAILED_QUEUE_TIMEOUT, S.FAILED], W.FAILED_QUEUE_TIMEOUT),
        ([S.FAILED_CANCELED, S.FAILED_UPSTREAM, S.COMPLETED], W.FAILED_CANCELED),
        # Failed statuses other than FAILED_UPSTREAM: the one distinct value, else FAILED.
        ([S.FAILED, S.FAILED_UPSTREAM, S.COMPLETED], W.FAILED),
        ([S.FAILED_EVICTED, S.FAILED_EVICTED, S.FAILED_UPSTREAM], W.FAILED_EVICTED),
        ([S.FAILED_PREEMPTED, S.COMPLETED], W.FAILED_PREEMPTED),
        ([S.FAILED_PREEMPTED, S.FAILED_EVICTED], W.FAILED),
        ([S.FAILED_PREEMPTED, S.FAILED], W.FAILED),
        ([S.FAILED_UPSTREAM, S.COMPLETED], W.FAILED),
        ([S.COMPLETED, S.COMPLETED], W.COMPLETED),
    ],
)
def test_workflow_status(groups: list[S], expected: W) -> None:
    """'Workflow status over group statuses'; the order of the groups does not matter."""
    assert workflow_status(groups) is expected
    assert workflow_status(reversed(groups)) is expected
