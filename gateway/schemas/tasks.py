"""Lists of tasks. Source: api.md §2.8, §2.11. Units: storage and memory in GiB, duration in seconds."""

from __future__ import annotations

from gateway.schemas.wire import Reply, Timestamp
from translator.lifecycle.words import TaskStatus


class TaskEntry(Reply):
    """The latest attempt of one task."""

    workflow_id: str
    task_name: str
    node: str | None = None
    start_time: Timestamp | None = None
    end_time: Timestamp | None = None
    status: TaskStatus
    storage: float
    cpu: int
    memory: float
    gpu: int


class TaskListEntry(Reply):
    """One attempt of one task in a list over workflows."""

    user: str
    workflow_id: str
    workflow_uuid: str
    task_name: str
    retry_id: int
    pool: str | None = None
    node: str | None = None
    start_time: Timestamp | None = None
    end_time: Timestamp | None = None
    duration: float | None = None
    status: TaskStatus
    overview: str
    logs: str
    error_logs: str | None = None
    grafana_url: str | None = None
    dashboard_url: str | None = None
    storage: float
    cpu: int
    memory: float
    gpu: int
    priority: str


class TaskList(Reply):
    """A page of tasks."""

    tasks: list[TaskListEntry]


class TaskSummaryEntry(Reply):
    """Resources of one user in one pool at one priority."""

    user: str
    pool: str | None = None
    storage: float
    cpu: int
    memory: float
    gpu: int
    priority: str


class TaskSummary(Reply):
    """Resources by user, pool and priority."""

    summaries: list[TaskSummaryEntry]


class TaskAggregateEntry(TaskSummaryEntry):
    """Resources of one workflow."""

    workflow_id: str


class TaskAggregate(Reply):
    """Resources by workflow."""

    summaries: list[TaskAggregateEntry]
