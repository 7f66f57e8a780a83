"""Which status may follow which, and the stamp that each one leaves.

The only place where a status is written. Nothing leaves a finished state, every stamp is written once, and a move that
the table does not allow changes nothing: so facts may come twice, late and out of order.
Source: workflow-spec.md §5.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

import msgspec

from translator.lifecycle.state import GroupState, TaskState
from translator.lifecycle.words import TaskStatus


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt or a group ends. `exit_code` is None for cancel and timeouts; `message` may be empty."""

    status: TaskStatus
    message: str = ""
    exit_code: int | None = None


def allowed(current: TaskStatus, to: TaskStatus) -> bool:
    """Whether a task attempt or a group may go from `current` to `to`."""
    return current in ALLOWED_FROM[to]


def moved_task(attempt: TaskState, to: TaskStatus, at: datetime) -> TaskState:
    """The attempt in the unfinished status `to`; the very same object where the table does not allow it."""
    if not allowed(attempt.status, to):
        return attempt
    return msgspec.structs.replace(attempt, status=to, **_stamp(attempt, to, at))


def ended_task(attempt: TaskState, ending: Ending, at: datetime) -> TaskState:
    """The attempt with its end, code and message; the very same object where the table does not allow it."""
    if not allowed(attempt.status, ending.status):
        return attempt
    return msgspec.structs.replace(
        attempt,
        status=ending.status,
        exit_code=ending.exit_code,
        failure_message=ending.message or None,
        **_stamp(attempt, ending.status, at),
    )


def moved_group(group: GroupState, to: TaskStatus, at: datetime, message: str = "") -> GroupState:
    """The group in status `to`, with `message` where that ends it; the very same object where it is not allowed."""
    if to is TaskStatus.RESCHEDULED or not allowed(group.status, to):
        return group
    moved = msgspec.structs.replace(group, status=to, **_stamp(group, to, at))
    if not to.finished:
        return moved
    return msgspec.structs.replace(moved, failure_message=message or None)


def _stamp(of: TaskState | GroupState, to: TaskStatus, at: datetime) -> dict[str, datetime]:
    field = STAMPS.get(to)
    return {field: at} if field is not None and getattr(of, field) is None else {}


_PRERUNNING = frozenset(status for status in TaskStatus if status.prerunning)
_FINISHED = frozenset(status for status in TaskStatus if status.finished)

# SUBMITTING is a status of groups only; for them it stands before WAITING wherever the table of tasks says WAITING.
ALLOWED_FROM: Mapping[TaskStatus, frozenset[TaskStatus]] = MappingProxyType(
    {
        **dict.fromkeys(_FINISHED, _PRERUNNING | {TaskStatus.RUNNING}),
        TaskStatus.SUBMITTING: frozenset(),
        TaskStatus.WAITING: frozenset({TaskStatus.SUBMITTING}),
        TaskStatus.PROCESSING: frozenset({TaskStatus.SUBMITTING, TaskStatus.WAITING}),
        TaskStatus.SCHEDULING: frozenset({TaskStatus.SUBMITTING, TaskStatus.WAITING, TaskStatus.PROCESSING}),
        TaskStatus.INITIALIZING: _PRERUNNING - {TaskStatus.INITIALIZING},
        TaskStatus.RUNNING: _PRERUNNING,
        TaskStatus.FAILED_START_TIMEOUT: _PRERUNNING,
    }
)
"""To -> the statuses from which it may be reached."""

STAMPS: Mapping[TaskStatus, str] = MappingProxyType(
    {
        **dict.fromkeys(_FINISHED, "end_time"),
        TaskStatus.PROCESSING: "processing_start_time",
        TaskStatus.SCHEDULING: "scheduling_start_time",
        TaskStatus.INITIALIZING: "initializing_start_time",
        TaskStatus.RUNNING: "start_time",
    }
)
"""Status -> the field of the state that is stamped when it is reached; SUBMITTING and WAITING leave none."""
