"""What is known of a workflow: the values that the database's rows hold. Times are naive UTC."""

from __future__ import annotations

from datetime import datetime

import msgspec

from translator.lifecycle.words import TaskStatus, WorkflowStatus
from translator.plan.model import GroupName, TaskName


class TaskState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One attempt of one task."""

    name: TaskName
    group: GroupName
    retry_id: int = 0
    status: TaskStatus = TaskStatus.WAITING
    exit_code: int | None = None
    failure_message: str | None = None
    processing_start_time: datetime | None = None
    scheduling_start_time: datetime | None = None
    initializing_start_time: datetime | None = None
    input_download_start_time: datetime | None = None
    input_download_end_time: datetime | None = None
    start_time: datetime | None = None
    output_upload_start_time: datetime | None = None
    end_time: datetime | None = None
    node_name: str | None = None
    pod_name: str | None = None
    pod_ip: str | None = None


class GroupState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One group. `cleaned_up` is true when nothing of it is left on its backend."""

    name: GroupName
    status: TaskStatus = TaskStatus.SUBMITTING
    failure_message: str | None = None
    remaining_upstream: frozenset[GroupName] = frozenset()
    processing_start_time: datetime | None = None
    scheduling_start_time: datetime | None = None
    initializing_start_time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    cleaned_up: bool = False
    # Set where a cancel met the group in PROCESSING without force: it is due at this time (workflow-spec.md §5.8).
    cancel_due: datetime | None = None


class WorkflowState(msgspec.Struct, frozen=True, kw_only=True):
    """One workflow with its groups and all attempts of its tasks.

    Shape: `groups` in the Plan's order; `attempts[task]` holds every attempt by rising retry_id, the last is current.
    """

    status: WorkflowStatus = WorkflowStatus.PENDING
    submit_time: datetime
    start_time: datetime | None = None
    end_time: datetime | None = None
    cancelled_by: str | None = None
    cancel_message: str = ""
    # Set by a cancel with force: clean-ups that are asked for again keep grace 0.
    cancel_forced: bool = False
    failure_message: str | None = None
    groups: dict[GroupName, GroupState]
    attempts: dict[TaskName, tuple[TaskState, ...]]
