"""The lifecycle's states as columns of rows, and back.

A field of a state stands in the column of its name; three columns more are derived from it, for indexes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, RowMapping

from gateway.store.tables import NOT_STARTED
from gateway.store.texts import clean, json_text, string_list
from translator.lifecycle.state import GroupState, TaskState, WorkflowState
from translator.lifecycle.words import TaskStatus, WorkflowStatus
from translator.plan.model import GroupName, TaskName

TASK_FIELDS = tuple(name for name in TaskState.__struct_fields__ if name not in ("name", "group", "retry_id"))
GROUP_FIELDS = tuple(name for name in GroupState.__struct_fields__ if name != "name")
WORKFLOW_FIELDS = tuple(
    name for name in WorkflowState.__struct_fields__ if name not in ("submit_time", "groups", "attempts")
)

_TOLD = ("failure_message", "node_name", "pod_name", "pod_ip")

# Newest first is falling: SCHEDULING, INITIALIZING, RUNNING, the rest. Source: api.md §2.11.
_RANKS = {TaskStatus.SCHEDULING: 3, TaskStatus.INITIALIZING: 2, TaskStatus.RUNNING: 1}

# A row's columns by name. What a driver returns has no type of its own until it is put into a value.
Values = dict[str, Any]


def workflow_values(state: WorkflowState) -> Values:
    """The columns of a workflow that the lifecycle changes."""
    values = {name: getattr(state, name) for name in WORKFLOW_FIELDS}
    values["status"] = state.status.value
    values["cancel_message"] = clean(state.cancel_message)
    values["failure_message"] = _cleaned(state.failure_message)
    values["alive"] = not state.status.finished
    return values


def group_values(state: GroupState, order: Iterable[GroupName]) -> Values:
    """The columns of a group that the lifecycle changes. Shape: `order` are all groups as the Plan has them."""
    values = {name: getattr(state, name) for name in GROUP_FIELDS}
    values["status"] = state.status.value
    values["failure_message"] = _cleaned(state.failure_message)
    left = state.remaining_upstream
    # Looked up in the whole order only where there is something to put into order.
    values["remaining_upstream"] = json_text(list(left) if len(left) < 2 else [name for name in order if name in left])
    return values


def task_values(state: TaskState) -> Values:
    """The columns of an attempt that the lifecycle changes."""
    values = {name: getattr(state, name) for name in TASK_FIELDS}
    status = state.status
    values["status"] = status.value
    # What a cluster tells is not ours to trust.
    for name in _TOLD:
        values[name] = _cleaned(values[name])
    values["alive"] = not status.finished
    values["order_rank"] = order_rank(status)
    values["started_key"] = state.start_time or NOT_STARTED
    return values


def order_rank(status: TaskStatus) -> int:
    """Where attempts with this status stand in the list of tasks, the highest first."""
    return _RANKS.get(status, 0)


def workflow_state(row: Row[Any], groups: Iterable[Row[Any]], attempts: Iterable[Row[Any]]) -> WorkflowState:
    """The state that rows hold. Shape: groups in the Plan's order, attempts by rising retry_id."""
    by_task: dict[TaskName, tuple[TaskState, ...]] = {}
    for attempt in attempts:
        state = _task_state(attempt._mapping)
        by_task[state.name] = (*by_task.get(state.name, ()), state)
    values = row._mapping
    fields = {name: values[name] for name in WORKFLOW_FIELDS}
    fields["status"] = WorkflowStatus(values["status"])
    return WorkflowState(
        submit_time=values["submit_time"],
        groups={GroupName(group.name): _group_state(group._mapping) for group in groups},
        attempts=by_task,
        **fields,
    )


def _group_state(values: RowMapping) -> GroupState:
    fields = {name: values[name] for name in GROUP_FIELDS}
    fields["status"] = TaskStatus(values["status"])
    fields["remaining_upstream"] = frozenset(GroupName(name) for name in string_list(values["remaining_upstream"]))
    return GroupState(name=GroupName(values["name"]), **fields)


def _task_state(values: RowMapping) -> TaskState:
    fields = {name: values[name] for name in TASK_FIELDS}
    fields["status"] = TaskStatus(values["status"])
    return TaskState(
        name=TaskName(values["name"]), group=GroupName(values["group_name"]), retry_id=values["retry_id"], **fields
    )


def _cleaned(text: str | None) -> str | None:
    return None if text is None else clean(text)
