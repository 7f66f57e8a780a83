"""The timers of groups and tasks, and what happens when they run out.

A deadline follows from the state alone, so none can be lost; it fires at the first Tick that is not before it. Who
was away for a while looks first and ticks then: an end that came in time counts, however late it is heard of.
Source: workflow-spec.md §5.7 and §5.8 (postponed cancel).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

import msgspec

from translator.lifecycle import attempts, cancel, groups
from translator.lifecycle.draft import Draft
from translator.lifecycle.state import GroupState, TaskState, WorkflowState
from translator.lifecycle.transitions import Ending
from translator.lifecycle.words import ExitCode, TaskStatus
from translator.plan.model import GroupName, Plan, TaskName


class DeadlineKind(StrEnum):
    """Which timer it is."""

    QUEUE = "queue"
    EXEC = "exec"
    START = "start"
    CANCEL = "cancel"


class Deadline(msgspec.Struct, frozen=True, kw_only=True):
    """One running timer. `task` and `retry_id` are set for START only, the others belong to the group."""

    kind: DeadlineKind
    group: GroupName
    due: datetime
    task: TaskName | None = None
    retry_id: int | None = None


def deadlines(plan: Plan, state: WorkflowState) -> tuple[Deadline, ...]:
    """All running timers, the next one first; empty for a finished workflow."""
    return _sorted_deadlines(plan, state.groups, state.attempts)


def group_deadlines(plan: Plan, group: GroupState) -> Iterator[Deadline]:
    """The running timers of a group itself; none of its tasks."""
    if group.cancel_due is not None:
        yield Deadline(kind=DeadlineKind.CANCEL, group=group.name, due=group.cancel_due)
    if group.status is TaskStatus.SCHEDULING:
        due = _due(group.scheduling_start_time, plan.queue_timeout_seconds)
        if due is not None:
            yield Deadline(kind=DeadlineKind.QUEUE, group=group.name, due=due)
    elif group.status is TaskStatus.RUNNING:
        due = _due(group.start_time, plan.exec_timeout_seconds)
        if due is not None:
            yield Deadline(kind=DeadlineKind.EXEC, group=group.name, due=due)


def attempt_deadlines(plan: Plan, attempt: TaskState) -> Iterator[Deadline]:
    """The running timers of an attempt; only the latest one of a task has any."""
    if attempt.status is TaskStatus.INITIALIZING:
        due = _due(attempt.initializing_start_time, plan.start_timeout_seconds)
        if due is not None:
            yield Deadline(
                kind=DeadlineKind.START, group=attempt.group, due=due, task=attempt.name, retry_id=attempt.retry_id
            )


def expire(draft: Draft, at: datetime) -> None:
    """Fire what is due at `at`, in the order of the deadlines; what one of them ended, the next leaves alone."""
    for deadline in _sorted_deadlines(draft.index.plan, draft.groups, draft.all_attempts):
        if deadline.due > at:
            return
        if not draft.group(deadline.group).status.group_finished:
            _fire(draft, deadline, at)


def duration_text(seconds: float) -> str:
    """A limit as OSMO writes it: `D days, H hours, M minutes, S seconds`, always plural, zero parts left out."""
    limit = max(timedelta(seconds=seconds), timedelta())
    minutes, rest = divmod(limit, timedelta(minutes=1))
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    # Limits below a second exist (`500ms`): the fraction is shown, without trailing zeros.
    shown_seconds = f"{rest.total_seconds():.6f}".rstrip("0").rstrip(".")
    parts = [f"{count} {unit}" for count, unit in ((days, "days"), (hours, "hours"), (minutes, "minutes")) if count]
    if rest or not parts:
        parts.append(f"{shown_seconds} seconds")
    return ", ".join(parts)


def _sorted_deadlines(
    plan: Plan, by_group: Mapping[GroupName, GroupState], by_task: Mapping[TaskName, tuple[TaskState, ...]]
) -> tuple[Deadline, ...]:
    running = [deadline for group in by_group.values() for deadline in group_deadlines(plan, group)]
    running += [deadline for tries in by_task.values() for deadline in attempt_deadlines(plan, tries[-1])]
    return tuple(sorted(running, key=lambda deadline: deadline.due))


def _due(since: datetime | None, limit_seconds: float | None) -> datetime | None:
    if since is None or limit_seconds is None:
        return None
    return since + timedelta(seconds=limit_seconds)


def _fire(draft: Draft, deadline: Deadline, at: datetime) -> None:
    plan = draft.index.plan
    match deadline.kind:
        case DeadlineKind.CANCEL:
            cancel.carry_out(draft, deadline.group, at)
        case DeadlineKind.QUEUE:
            limit = duration_text(plan.queue_timeout_seconds or 0)
            message = f"Task stayed in queue longer than the set limit of {limit}."
            groups.end(draft, deadline.group, Ending(status=TaskStatus.FAILED_QUEUE_TIMEOUT, message=message), at)
        case DeadlineKind.EXEC:
            message = f"Task ran longer than the set limit of {duration_text(plan.exec_timeout_seconds or 0)}."
            groups.end(draft, deadline.group, Ending(status=TaskStatus.FAILED_EXEC_TIMEOUT, message=message), at)
        case DeadlineKind.START:
            _fire_start(draft, deadline, at)
        case _:
            assert_never(deadline.kind)


def _fire_start(draft: Draft, deadline: Deadline, at: datetime) -> None:
    if deadline.task is None or deadline.retry_id is None:
        return
    attempt = draft.attempt(deadline.task, deadline.retry_id)
    if attempt is None:
        return
    limit = duration_text(draft.index.plan.start_timeout_seconds or 0)
    message = f"Task stayed in initialization longer than the set limit of {limit}."
    ending = Ending(status=TaskStatus.FAILED_START_TIMEOUT, message=message, exit_code=ExitCode.START_TIMEOUT)
    attempts.end(draft, attempt, ending, at)
