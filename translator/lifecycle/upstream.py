"""What the end of a group means for the groups that depend on it, and for the workflow.

Source: workflow-spec.md §5.9.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from translator.lifecycle import groups
from translator.lifecycle.aggregate import workflow_status
from translator.lifecycle.draft import Draft
from translator.lifecycle.effects import Seal
from translator.lifecycle.state import GroupState
from translator.lifecycle.transitions import Ending
from translator.lifecycle.words import ExitCode, TaskStatus, WorkflowStatus
from translator.plan.model import GroupName


def settle(draft: Draft, at: datetime) -> None:
    """Tell dependents of ended groups, theirs in turn, and bring the workflow's own status up to date."""
    # A queue and no recursion: chains of thousands of groups may fall at once.
    while draft.ended:
        name = draft.ended.popleft()
        if draft.group(name).status is TaskStatus.COMPLETED:
            _release_downstream(draft, name, at)
        else:
            _fail_downstream(draft, name, at)
    touched = [draft.group(name) for name in draft.touched]
    draft.touched.clear()
    _refresh_workflow(draft, touched, at)
    if touched:
        _seal_if_clean(draft)


def _release_downstream(draft: Draft, completed: GroupName, at: datetime) -> None:
    for name in draft.index.downstream[completed]:
        group = draft.group(name)
        remaining = group.remaining_upstream - {completed}
        draft.put_group(msgspec.structs.replace(group, remaining_upstream=remaining))
        if not remaining:
            groups.begin(draft, name, at)


def _fail_downstream(draft: Draft, failed: GroupName, at: datetime) -> None:
    for name in draft.index.downstream[failed]:
        groups.end(draft, name, _UPSTREAM_FAILED, at)


def _refresh_workflow(draft: Draft, touched: Sequence[GroupState], at: datetime) -> None:
    before = draft.workflow
    if before.status.finished:
        return
    if any(group.status is TaskStatus.RUNNING for group in touched):
        if before.status is not WorkflowStatus.RUNNING:
            draft.put_workflow(msgspec.structs.replace(before, status=WorkflowStatus.RUNNING, start_time=at))
    # Only an end can end the workflow. Later groups mostly end later, so the search is short from the back.
    elif any(group.status.group_finished for group in touched) and all(
        group.status.group_finished for group in reversed(tuple(draft.groups.values()))
    ):
        status = workflow_status(group.status for group in draft.groups.values())
        draft.put_workflow(msgspec.structs.replace(before, status=status, end_time=at))


def _seal_if_clean(draft: Draft) -> None:
    if draft.workflow.status.finished and all(group.cleaned_up for group in draft.groups.values()):
        draft.ask(Seal())


_UPSTREAM_FAILED = Ending(
    status=TaskStatus.FAILED_UPSTREAM, message="Upstream task failed.", exit_code=ExitCode.UPSTREAM
)
