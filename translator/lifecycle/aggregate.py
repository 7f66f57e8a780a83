"""The status of a group over its tasks, and of a workflow over its groups.

Source: workflow-spec.md §5.3 and §5.9.
"""

from __future__ import annotations

from collections.abc import Iterable

from translator.lifecycle.words import TaskStatus, WorkflowStatus


def group_status(all_tasks: Iterable[TaskStatus], considered: Iterable[TaskStatus]) -> TaskStatus:
    """The status that the latest attempts of a group's tasks add up to.

    Shape: `considered` is the lead's status alone where ignoreNonleadStatus, else those of all tasks.
    """
    every, counted = frozenset(all_tasks), frozenset(considered)
    if any(not status.group_finished for status in every):
        begun = TaskStatus.RUNNING in every or any(status.finished for status in every)
        return TaskStatus.RUNNING if begun else TaskStatus.INITIALIZING
    for status in _FROM_ANY_TASK:
        if status in every:
            return status
    if TaskStatus.FAILED_EVICTED in counted:
        return TaskStatus.FAILED_EVICTED
    if any(status.failed for status in counted):
        return TaskStatus.FAILED
    return TaskStatus.COMPLETED if counted == {TaskStatus.COMPLETED} else TaskStatus.RUNNING


def workflow_status(groups: Iterable[TaskStatus]) -> WorkflowStatus:
    """The status that the groups' statuses add up to.

    PENDING may come after RUNNING here, between two groups; the stored status does not go back.
    """
    every = frozenset(groups)
    if any(not status.group_finished for status in every):
        return WorkflowStatus.RUNNING if TaskStatus.RUNNING in every else WorkflowStatus.PENDING
    for status in _FROM_ANY_GROUP:
        if status in every:
            return WorkflowStatus(status.value)
    failures = {status for status in every if status.failed}
    if not failures:
        return WorkflowStatus.COMPLETED
    causes = failures - {TaskStatus.FAILED_UPSTREAM}
    return WorkflowStatus(causes.pop().value) if len(causes) == 1 else WorkflowStatus.FAILED


# Earlier goes before later. A preempted task counts even where it is a non-lead whose status is ignored.
_FROM_ANY_TASK = (TaskStatus.FAILED_UPSTREAM, TaskStatus.FAILED_SERVER_ERROR, TaskStatus.FAILED_PREEMPTED)
_FROM_ANY_GROUP = (
    TaskStatus.FAILED_CANCELED,
    TaskStatus.FAILED_SERVER_ERROR,
    TaskStatus.FAILED_EXEC_TIMEOUT,
    TaskStatus.FAILED_QUEUE_TIMEOUT,
)
