"""What a user's cancel does.

All groups that have not ended end as FAILED_CANCELED, also those behind a canceled one. A group whose objects are just
being created is given a minute, unless forced. A cancel that meets a workflow before it was accepted keeps it from ever
starting. Source: workflow-spec.md §5.8 and §10 (decision 23).
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from translator.lifecycle import groups
from translator.lifecycle.draft import Draft
from translator.lifecycle.effects import DeleteGroup
from translator.lifecycle.facts import CancelRequested
from translator.lifecycle.state import GroupState
from translator.lifecycle.transitions import Ending
from translator.lifecycle.words import TaskStatus
from translator.plan.model import GroupName

POSTPONED_BY = timedelta(minutes=1)


def request(draft: Draft, fact: CancelRequested) -> None:
    """Apply a cancel. The user and message of the first one stay; a finished workflow is only cleaned up, if forced."""
    was_finished = draft.workflow.status.finished
    _mark(draft, fact, finished=was_finished)
    for group in tuple(draft.groups.values()):
        if not group.status.group_finished:
            _cancel_or_postpone(draft, group, fact)
        elif fact.force and (was_finished or not group.cleaned_up) and group.processing_start_time is not None:
            draft.ask(DeleteGroup(group=group.name, force=True))


def carry_out(draft: Draft, name: GroupName, at: datetime) -> None:
    """End a group whose cancel was postponed."""
    workflow = draft.workflow
    groups.end(draft, name, _canceled(workflow.cancelled_by or "", workflow.cancel_message), at)


def _mark(draft: Draft, fact: CancelRequested, *, finished: bool) -> None:
    before = draft.workflow
    after = before
    if fact.force and not before.cancel_forced:
        after = msgspec.structs.replace(after, cancel_forced=True)
    if before.cancelled_by is None and not finished:
        after = msgspec.structs.replace(after, cancelled_by=fact.user, cancel_message=fact.message)
    if after is not before:
        draft.put_workflow(after)


def _cancel_or_postpone(draft: Draft, group: GroupState, fact: CancelRequested) -> None:
    if group.cancel_due is not None and not fact.force:
        return
    if group.status is TaskStatus.PROCESSING and not fact.force:
        draft.put_group(msgspec.structs.replace(group, cancel_due=fact.at + POSTPONED_BY))
    else:
        groups.end(draft, group.name, _canceled(fact.user, fact.message), fact.at, force=fact.force)


def _canceled(user: str, message: str) -> Ending:
    text = f"Task was canceled by user: {user}. {message}".rstrip()
    return Ending(status=TaskStatus.FAILED_CANCELED, message=text)
