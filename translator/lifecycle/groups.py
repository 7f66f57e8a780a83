"""How a group begins, moves and ends.

Source: workflow-spec.md §5.3; clean-up §5.10.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from translator.lifecycle.aggregate import group_status
from translator.lifecycle.draft import Draft
from translator.lifecycle.effects import CreateGroup, DeleteGroup
from translator.lifecycle.transitions import Ending, ended_task, moved_group, moved_task
from translator.lifecycle.words import TaskStatus
from translator.plan.model import GroupName


def accept(draft: Draft, at: datetime) -> None:
    """Begin the groups without upstream; let the others wait for theirs."""
    for plan in draft.index.plan.groups:
        group = draft.group(plan.name)
        if group.status is not TaskStatus.SUBMITTING:
            continue
        if group.remaining_upstream:
            move(draft, group.name, TaskStatus.WAITING, at)
        else:
            begin(draft, group.name, at)


def begin(draft: Draft, name: GroupName, at: datetime) -> None:
    """Have the group created, unless it began or ended before."""
    if draft.group(name).status in _NOT_BEGUN:
        mark_begun(draft, name, at)
        draft.ask(CreateGroup(group=name))


def mark_begun(draft: Draft, name: GroupName, at: datetime) -> None:
    """Put a group that exists on its backend, and its tasks, at least into PROCESSING."""
    if draft.group(name).status not in _NOT_BEGUN:
        return
    move(draft, name, TaskStatus.PROCESSING, at)
    for task in draft.index.groups[name].tasks:
        draft.put_attempt(moved_task(draft.latest(task.name), TaskStatus.PROCESSING, at))


def end(draft: Draft, name: GroupName, ending: Ending, at: datetime, *, force: bool = False) -> None:
    """End the group and all its unfinished tasks with one status and message, without aggregation."""
    end_tasks(draft, name, ending, at)
    move(draft, name, ending.status, at, message=ending.message, force=force)


def end_tasks(draft: Draft, name: GroupName, ending: Ending, at: datetime) -> None:
    """End the unfinished tasks of the group; its own status stays."""
    for task in draft.index.groups[name].tasks:
        attempt = draft.latest(task.name)
        if not attempt.status.finished:
            draft.put_attempt(ended_task(attempt, ending, at))


def go_on(draft: Draft, name: GroupName, at: datetime) -> None:
    """Move a group that no event ends to the status that its tasks add up to; one that runs goes on running."""
    if draft.group(name).status is not TaskStatus.RUNNING:
        refresh(draft, name, at)


def refresh(draft: Draft, name: GroupName, at: datetime, message: str = "") -> None:
    """Move the group to the status that its tasks add up to; `message` is that of the event, kept if it ends here."""
    plan = draft.index.groups[name]
    every = {draft.latest(task.name).status for task in plan.tasks}
    considered = {draft.latest(plan.lead.name).status} if plan.ignore_nonlead_status else every
    move(draft, name, group_status(every, considered), at, message=message)


def move(
    draft: Draft, name: GroupName, to: TaskStatus, at: datetime, *, message: str = "", force: bool = False
) -> None:
    """Move the group if the table of transitions allows it; an end also asks for its clean-up."""
    before = draft.group(name)
    after = moved_group(before, to, at, message)
    if after is before:
        return
    if to.group_finished:
        # What never began left nothing on the backend.
        never_began = before.status in _NOT_BEGUN
        after = msgspec.structs.replace(after, cancel_due=None, cleaned_up=never_began)
        draft.ended.append(name)
        if not never_began:
            draft.ask(DeleteGroup(group=name, force=force))
    draft.put_group(after)


def mark_cleaned(draft: Draft, name: GroupName) -> None:
    """Note that nothing of the group is left; only an ended group can be clean."""
    group = draft.groups.get(name)
    if group is not None and group.status.group_finished and not group.cleaned_up:
        draft.put_group(msgspec.structs.replace(group, cleaned_up=True))


_NOT_BEGUN = (TaskStatus.SUBMITTING, TaskStatus.WAITING)
