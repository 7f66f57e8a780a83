"""Lists and details of workflows. Source: api.md §2.8. Units: durations in seconds."""

from __future__ import annotations

from gateway.schemas.wire import Reply, Timestamp
from translator.lifecycle.words import TaskStatus, WorkflowStatus


class WorkflowListEntry(Reply):
    """One row of a list. `name` is the workflow id."""

    user: str
    name: str
    workflow_uuid: str
    submit_time: Timestamp
    start_time: Timestamp | None = None
    end_time: Timestamp | None = None
    queued_time: float
    duration: float | None = None
    status: WorkflowStatus
    overview: str
    logs: str
    error_logs: str | None = None
    grafana_url: str | None = None
    dashboard_url: str | None = None
    pool: str | None = None
    app_owner: str | None = None
    app_name: str | None = None
    app_version: int | None = None
    priority: str
    labels: dict[str, str] = {}


class WorkflowList(Reply):
    """A page of workflows; `more_entries` says whether another row exists past it."""

    workflows: list[WorkflowListEntry]
    more_entries: bool


class TaskQuery(Reply):
    """One attempt of one task."""

    name: str
    retry_id: int
    status: TaskStatus
    failure_message: str | None = None
    exit_code: int | None = None
    logs: str
    error_logs: str | None = None
    processing_start_time: Timestamp | None = None
    scheduling_start_time: Timestamp | None = None
    initializing_start_time: Timestamp | None = None
    events: str
    start_time: Timestamp | None = None
    end_time: Timestamp | None = None
    input_download_start_time: Timestamp | None = None
    input_download_end_time: Timestamp | None = None
    output_upload_start_time: Timestamp | None = None
    dashboard_url: str | None = None
    pod_name: str
    pod_ip: str | None = None
    task_uuid: str
    node_name: str | None = None
    lead: bool = False


class GroupQuery(Reply):
    """One group with its tasks, sorted by name, then newest attempt first."""

    name: str
    status: TaskStatus
    start_time: Timestamp | None = None
    end_time: Timestamp | None = None
    processing_start_time: Timestamp | None = None
    scheduling_start_time: Timestamp | None = None
    initializing_start_time: Timestamp | None = None
    remaining_upstream_groups: list[str] | None = None
    downstream_groups: list[str] | None = None
    failure_message: str | None = None
    tasks: list[TaskQuery] = []


class Plugins(Reply):
    """Which plugins the workflow was submitted with."""

    rsync: bool = False


class WorkflowQuery(Reply):
    """Everything about one workflow. `name` is the workflow id."""

    name: str
    uuid: str
    submitted_by: str
    cancelled_by: str | None = None
    spec: str
    template_spec: str
    logs: str
    events: str
    overview: str
    parent_name: str | None = None
    parent_job_id: int | None = None
    dashboard_url: str | None = None
    grafana_url: str | None = None
    tags: list[str] = []
    submit_time: Timestamp
    start_time: Timestamp | None = None
    end_time: Timestamp | None = None
    exec_timeout: float | None = None
    queue_timeout: float | None = None
    duration: float | None = None
    queued_time: float
    status: WorkflowStatus
    outputs: str = ""
    groups: list[GroupQuery]
    pool: str | None = None
    backend: str | None = None
    app_owner: str | None = None
    app_name: str | None = None
    app_version: int | None = None
    plugins: Plugins
    priority: str
    labels: dict[str, str] = {}
    warnings: list[str] = []
