"""What a fact about one attempt of one task changes: the attempt, its siblings, its group.

Source: workflow-spec.md §5.2-§5.4. Facts about an older attempt, or one that does not exist yet, move no status.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from translator.lifecycle import groups
from translator.lifecycle.draft import Draft
from translator.lifecycle.effects import CreateTask, RestartInPlace
from translator.lifecycle.exit_actions import after_exit_action
from translator.lifecycle.facts import DataObserved, TaskCreationFailed, TaskObserved
from translator.lifecycle.leads import restarts_siblings, siblings_end
from translator.lifecycle.state import TaskState
from translator.lifecycle.transitions import Ending, allowed, ended_task, moved_task
from translator.lifecycle.words import ExitCode, TaskStatus
from translator.plan.model import GroupPlan, TaskPlan


def observe(draft: Draft, fact: TaskObserved) -> None:
    """Apply what a runner saw of an attempt. Where the attempt got its place is kept of any attempt, ended or not."""
    attempt = draft.attempt(fact.task, fact.retry_id)
    if attempt is None:
        return
    if attempt.node_name is None or attempt.pod_name is None or attempt.pod_ip is None:
        attempt = _filled(draft, attempt, {"node_name": fact.node, "pod_name": fact.pod_name, "pod_ip": fact.pod_ip})
    if fact.status not in _OBSERVABLE or not _may_become(draft, attempt, fact.status):
        return
    if fact.status.finished:
        exit_code = None if fact.status.canceled_family else fact.exit_code
        end(draft, attempt, Ending(status=fact.status, message=fact.message, exit_code=exit_code), fact.at)
    else:
        _advance(draft, attempt, fact.status, fact.at)


def observe_data(draft: Draft, fact: DataObserved) -> None:
    """Apply the times of an attempt's data operations; each is kept as it was first reported."""
    attempt = draft.attempt(fact.task, fact.retry_id)
    if attempt is not None:
        times = {
            "input_download_start_time": fact.input_download_start_time,
            "input_download_end_time": fact.input_download_end_time,
            "output_upload_start_time": fact.output_upload_start_time,
        }
        _filled(draft, attempt, times)


def creation_failed(draft: Draft, fact: TaskCreationFailed) -> None:
    """End an attempt that could not be created again."""
    attempt = draft.attempt(fact.task, fact.retry_id)
    if attempt is not None:
        message = f"RescheduleTask job failed: {fact.message}"
        ending = Ending(status=TaskStatus.FAILED_BACKEND_ERROR, message=message, exit_code=ExitCode.BACKEND_ERROR)
        end(draft, attempt, ending, fact.at)


def end(draft: Draft, attempt: TaskState, reported: Ending, at: datetime) -> None:
    """End the current attempt of a task by its exit actions, and draw the group's consequences."""
    if not _may_become(draft, attempt, reported.status):
        return
    task, group = draft.index.tasks[attempt.name], draft.index.group_of[attempt.name]
    groups.mark_begun(draft, group.name, at)
    ending = after_exit_action(task, attempt.retry_id, reported)
    draft.put_attempt(ended_task(draft.latest(task.name), ending, at))
    if ending.status is TaskStatus.RESCHEDULED:
        _begin_next_attempt(draft, group, task, at)
    if ending.status.canceled_family:
        groups.end(draft, group.name, ending, at)
        return
    siblings = siblings_end(group, task, ending.status)
    if siblings is None:
        groups.go_on(draft, group.name, at)
        return
    groups.end_tasks(draft, group.name, siblings, at)
    # A counted non-lead that gave no reason still says which task ended the group.
    because = ending.message or ("" if task.lead else siblings.message)
    groups.refresh(draft, group.name, at, message=because)


def _advance(draft: Draft, attempt: TaskState, to: TaskStatus, at: datetime) -> None:
    group = attempt.group
    groups.mark_begun(draft, group, at)
    draft.put_attempt(moved_task(draft.latest(attempt.name), to, at))
    if to is TaskStatus.SCHEDULING:
        groups.move(draft, group, to, at)
    else:
        groups.go_on(draft, group, at)


def _begin_next_attempt(draft: Draft, group: GroupPlan, task: TaskPlan, at: datetime) -> None:
    retry_id = draft.latest(task.name).retry_id + 1
    # Asked for before the attempt itself: while that has not been seen, both are asked for again after a crash.
    others = tuple(
        other.name for other in group.tasks if other is not task and not draft.latest(other.name).status.finished
    )
    if others and restarts_siblings(group, task):
        draft.ask(RestartInPlace(tasks=others, because_of=task.name, retry_id=retry_id))
    fresh = TaskState(name=task.name, group=group.name, retry_id=retry_id)
    draft.put_attempt(moved_task(fresh, TaskStatus.PROCESSING, at))
    draft.ask(CreateTask(task=task.name, retry_id=retry_id))


def _may_become(draft: Draft, attempt: TaskState, status: TaskStatus) -> bool:
    is_current = attempt.retry_id == draft.latest(attempt.name).retry_id
    return is_current and allowed(attempt.status, status)


def _filled(draft: Draft, attempt: TaskState, found: dict[str, str] | dict[str, datetime | None]) -> TaskState:
    # The first report stays: the same fact again, or an older one, changes nothing.
    missing = {field: value for field, value in found.items() if value and getattr(attempt, field) is None}
    if not missing:
        return attempt
    filled = msgspec.structs.replace(attempt, **missing)
    draft.put_attempt(filled)
    return filled


_OBSERVABLE = frozenset(
    status for status in TaskStatus if not status.prescheduling and status is not TaskStatus.RESCHEDULED
)
