"""The values that the store takes and gives: frozen, free of SQL. Times are naive UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from translator.lifecycle.state import WorkflowState
from translator.lifecycle.words import TaskStatus, WorkflowStatus
from translator.plan.model import GroupName, Plan, Priority, TaskName, WorkflowId, WorkflowUuid


class DocumentKind(StrEnum):
    """Texts kept with a workflow."""

    PLAN = "plan"
    """The Plan as `translator.plan.model.encode` writes it."""
    SPEC = "spec"
    """The rendered, expanded spec (api.md §2.9)."""
    TEMPLATE = "template"
    """The text as the user wrote it, where it was a template."""
    RECEIPT = "receipt"
    """The translation receipt as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppRef:
    """The app version a workflow was submitted from. `owner` and `name` as of the submission."""

    uuid: str
    version: int
    owner: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """The workflow that this one repeats: `<name>-<number>`."""

    name: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWorkflow:
    """An accepted workflow, ready to be inserted.

    Shape: `number` is what `reserve_number` gave and the end of `plan.workflow_id`; `state` is the lifecycle's initial
    state of the Plan, or that after its acceptance; `documents` needs no PLAN, the store writes it; `instance` names
    the process that is to run it, None leaves it to the first one that looks; `outputs` is the URL of the detail reply
    or "".
    """

    plan: Plan
    state: WorkflowState
    number: int
    documents: Mapping[DocumentKind, str] = field(default_factory=dict)
    instance: str | None = None
    parent: Parent | None = None
    app: AppRef | None = None
    rsync: bool = False
    outputs: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedSubmission:
    """A refused submission that leaves a row (workflow-spec.md §1.2)."""

    uuid: WorkflowUuid
    name: str
    number: int
    submitted_by: str
    pool: str | None
    backend: str | None
    submit_time: datetime
    message: str
    priority: Priority = Priority.NORMAL
    labels: Mapping[str, str] = field(default_factory=dict)
    documents: Mapping[DocumentKind, str] = field(default_factory=dict)
    parent: Parent | None = None
    app: AppRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowRecord:
    """One workflow without its groups.

    Units: timeouts in seconds. `sealed`: nothing will change any more, its logs are complete; a workflow may have a
    finished status and not be sealed yet, while its groups are cleaned up.
    """

    uuid: WorkflowUuid
    workflow_id: WorkflowId
    name: str
    number: int
    submitted_by: str
    cancelled_by: str | None
    status: WorkflowStatus
    failure_message: str | None
    submit_time: datetime
    start_time: datetime | None
    end_time: datetime | None
    exec_timeout_seconds: float | None
    queue_timeout_seconds: float | None
    backend: str | None
    pool: str | None
    priority: Priority
    labels: Mapping[str, str]
    outputs: str
    parent: Parent | None
    app: AppRef | None
    rsync: bool
    sealed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRecord:
    """One group. Shape: `downstream` and `remaining_upstream` in the Plan's order."""

    name: GroupName
    uuid: str
    status: TaskStatus
    failure_message: str | None
    remaining_upstream: tuple[GroupName, ...]
    downstream: tuple[GroupName, ...]
    processing_start_time: datetime | None
    scheduling_start_time: datetime | None
    initializing_start_time: datetime | None
    start_time: datetime | None
    end_time: datetime | None
    cleaned_up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRecord:
    """One attempt of one task. Units: cpu in cores, memory and storage in bytes."""

    name: TaskName
    uuid: str
    group: GroupName
    lead: bool
    retry_id: int
    status: TaskStatus
    exit_code: int | None
    failure_message: str | None
    processing_start_time: datetime | None
    scheduling_start_time: datetime | None
    initializing_start_time: datetime | None
    input_download_start_time: datetime | None
    input_download_end_time: datetime | None
    start_time: datetime | None
    output_upload_start_time: datetime | None
    end_time: datetime | None
    node_name: str | None
    pod_name: str | None
    pod_ip: str | None
    cpu: float
    gpu: int
    memory_bytes: int
    storage_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """A place in the list of workflows, for keyset paging."""

    submit_time: datetime
    uuid: WorkflowUuid


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which part of a list. `after` (the last entry seen) is cheaper than a deep `offset`; both may be given."""

    limit: int = 20
    offset: int = 0
    descending: bool = False
    after: Cursor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelFilter:
    """The workflow must have a label `key` whose value matches one of `patterns`.

    Shape: in a pattern `*` stands for any run of characters, everything else for itself; anchored at both ends.
    """

    key: str
    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowFilter:
    """Which workflows. None: no filter; an empty tuple matches nothing.

    Shape: `name` is a literal substring of the workflow id; `tags` any of, `labels` all of, `no_labels` none of;
    `app_name` the app's name, with `app_version` only that version; `submitted_after` is inclusive,
    `submitted_before` is not. Source: api.md §2.8.
    """

    users: tuple[str, ...] | None = None
    statuses: tuple[WorkflowStatus, ...] | None = None
    name: str | None = None
    pools: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    app_name: str | None = None
    app_version: int | None = None
    priorities: tuple[Priority, ...] | None = None
    labels: tuple[LabelFilter, ...] = ()
    no_labels: tuple[str, ...] = ()
    submitted_after: datetime | None = None
    submitted_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowPage:
    """A page of workflows in the order asked for; `more_entries`: another one exists past it."""

    workflows: tuple[WorkflowRecord, ...]
    more_entries: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """Which attempts. None: no filter; an empty tuple matches nothing.

    Shape: `workflow_id` is a literal substring; `started_after` also keeps attempts that have not started.
    Source: api.md §2.11.
    """

    workflow_id: str | None = None
    statuses: tuple[TaskStatus, ...] | None = None
    users: tuple[str, ...] | None = None
    pools: tuple[str, ...] | None = None
    nodes: tuple[str, ...] | None = None
    priorities: tuple[Priority, ...] | None = None
    started_after: datetime | None = None
    started_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEntry:
    """One attempt in the list of tasks, with what it shows of its workflow."""

    task: TaskRecord
    workflow_id: WorkflowId
    workflow_uuid: WorkflowUuid
    submitted_by: str
    submit_time: datetime
    pool: str | None
    priority: Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceSum:
    """What attempts ask for in sum, by user, pool and priority; `workflow_id` where summed by workflow."""

    submitted_by: str
    pool: str
    priority: Priority
    workflow_id: WorkflowId | None
    cpu: float
    gpu: int
    memory_bytes: int
    storage_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfinishedCounts:
    """What one user has going on: workflows with a living status, and tasks whose latest attempt is unfinished."""

    workflows: int
    tasks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """One event of an attempt. `number` rises within the database, for reading on from the last one seen."""

    number: int
    at: datetime
    task: TaskName
    retry_id: int
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a user has chosen for himself. Source: api.md §2.4."""

    user: str
    pool: str | None = None
    email_notification: bool = False
    slack_notification: bool = False
