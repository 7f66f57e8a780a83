"""One task, and lists of tasks over workflows. Source: api.md §2.8, §2.11."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from gateway.ports.clock import Clock
from gateway.ports.records import Page, ResourceSum, TaskFilter, WorkflowRecord
from gateway.ports.records import TaskEntry as TaskRow
from gateway.ports.store import Reads, Store
from gateway.schemas.tasks import (
    TaskAggregate,
    TaskAggregateEntry,
    TaskEntry,
    TaskList,
    TaskListEntry,
    TaskSummary,
    TaskSummaryEntry,
)
from gateway.services.dashboards import Dashboards
from gateway.services.elapsed import running_seconds
from gateway.services.errors import Refusal, UnknownWorkflow
from gateway.services.identity import Caller
from gateway.services.links import Links
from gateway.services.listing import MAX_LIMIT, Order
from gateway.services.lookup import MAX_INTEGER, chosen_pools, chosen_users, known_workflow
from pools.model import Config
from translator.lifecycle.words import TaskStatus
from translator.plan.model import Priority
from translator.problems import ErrorCode

_GIB = 1024**3


class _Amounts(TypedDict):
    storage: float
    cpu: int
    memory: float
    gpu: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskListRequest:
    """Which attempts, and which page of them. None and empty: not given."""

    workflow_id: str | None = None
    statuses: Sequence[TaskStatus] | None = None
    users: Sequence[str] | None = None
    all_users: bool = False
    pools: Sequence[str] | None = None
    all_pools: bool = False
    nodes: Sequence[str] | None = None
    started_after: datetime | None = None
    started_before: datetime | None = None
    priority: Sequence[Priority] | None = None
    offset: int = 0
    limit: int = 20
    order: Order = Order.ASC


class Tasks:
    """Answers questions about tasks."""

    def __init__(self, *, store: Store, config: Callable[[], Config], clock: Clock) -> None:
        self._store = store
        self._config = config
        self._clock = clock

    def latest(self, id_or_uuid: str, task_name: str) -> TaskEntry:
        """The latest attempt of one task. Errors: UnknownWorkflow."""
        with self._store.reading() as reads:
            record = known_workflow(reads, id_or_uuid)
            task = reads.attempt(record.uuid, task_name)
        if task is None:
            raise unknown_task(record, task_name)
        return TaskEntry(
            workflow_id=record.workflow_id,
            task_name=task.name,
            node=task.node_name,
            start_time=task.start_time,
            end_time=task.end_time,
            status=task.status,
            storage=task.storage_bytes / _GIB,
            cpu=math.ceil(task.cpu),
            memory=task.memory_bytes / _GIB,
            gpu=task.gpu,
        )

    def page(self, caller: Caller, request: TaskListRequest, links: Links) -> TaskList:
        """One page of attempts, newest first before `order` turns it. Errors: Refusal."""
        _check_page(request)
        with self._store.reading() as reads:
            rows = reads.tasks(
                _filter(reads, caller, request),
                Page(
                    limit=min(request.limit, MAX_LIMIT),
                    offset=request.offset,
                    descending=request.order is Order.DESC,
                ),
            )
        now, dashboards = self._clock.now(), Dashboards(backends=self._config().backends)
        return TaskList(tasks=[_list_entry(row, links, dashboards, self._backend(row), now) for row in rows])

    def summary(self, caller: Caller, request: TaskListRequest) -> TaskSummary:
        """What the attempts ask for, by user, pool and priority. Errors: Refusal."""
        return TaskSummary(
            summaries=[
                TaskSummaryEntry(user=row.submitted_by, pool=row.pool, priority=row.priority.value, **_amounts(row))
                for row in self._sums(caller, request, by_workflow=False)
            ]
        )

    def aggregate(self, caller: Caller, request: TaskListRequest) -> TaskAggregate:
        """What the attempts ask for, by workflow. Errors: Refusal."""
        return TaskAggregate(
            summaries=[
                TaskAggregateEntry(
                    user=row.submitted_by,
                    pool=row.pool,
                    priority=row.priority.value,
                    workflow_id=row.workflow_id or "",
                    **_amounts(row),
                )
                for row in self._sums(caller, request, by_workflow=True)
            ]
        )

    def _sums(self, caller: Caller, request: TaskListRequest, *, by_workflow: bool) -> tuple[ResourceSum, ...]:
        _check_page(request)
        with self._store.reading() as reads:
            return reads.resource_sums(_filter(reads, caller, request), by_workflow=by_workflow)

    def _backend(self, row: TaskRow) -> str | None:
        pool = self._config().pools.get(row.pool or "")
        return pool.backend if pool is not None else None


def unknown_task(record: WorkflowRecord, task_name: str, retry_id: int | None = None) -> UnknownWorkflow:
    """The refusal for a task, or an attempt of it, that the workflow does not have."""
    attempt = "" if retry_id is None else f" with retry id {retry_id}"
    return UnknownWorkflow(
        f"Task {task_name}{attempt} not found in workflow {record.workflow_id}.", workflow_id=record.workflow_id
    )


def _check_page(request: TaskListRequest) -> None:
    if request.limit < 1:
        raise Refusal(f"The limit {request.limit} is too small: expected 1 to {MAX_LIMIT}.")
    if not 0 <= request.offset <= MAX_INTEGER:
        raise Refusal("The offset must be zero or more.", error_code=ErrorCode.USAGE)


def _filter(reads: Reads, caller: Caller, request: TaskListRequest) -> TaskFilter:
    return TaskFilter(
        workflow_id=request.workflow_id or None,
        statuses=tuple(request.statuses) if request.statuses else None,
        users=chosen_users(reads, caller, request.users, all_users=request.all_users),
        pools=chosen_pools(reads, caller, request.pools, all_pools=request.all_pools),
        nodes=tuple(request.nodes) if request.nodes else None,
        priorities=tuple(request.priority) if request.priority else None,
        started_after=request.started_after,
        started_before=request.started_before,
    )


def _list_entry(
    row: TaskRow, links: Links, dashboards: Dashboards, backend: str | None, now: datetime
) -> TaskListEntry:
    task = row.task
    has_error_logs = task.status.has_error_logs
    return TaskListEntry(
        user=row.submitted_by,
        workflow_id=row.workflow_id,
        workflow_uuid=row.workflow_uuid,
        task_name=task.name,
        retry_id=task.retry_id,
        pool=row.pool,
        node=task.node_name,
        start_time=task.start_time,
        end_time=task.end_time,
        duration=running_seconds(task.start_time, task.end_time, now),
        status=task.status,
        overview=links.overview(row.workflow_id),
        logs=links.task_logs(row.workflow_id, task.name, task.retry_id),
        error_logs=links.task_error_logs(row.workflow_id, task.name, task.retry_id) if has_error_logs else None,
        dashboard_url=dashboards.kubernetes(backend, task.pod_name) if task.pod_name else None,
        storage=task.storage_bytes / _GIB,
        cpu=math.ceil(task.cpu),
        memory=task.memory_bytes / _GIB,
        gpu=task.gpu,
        priority=row.priority.value,
    )


def _amounts(row: ResourceSum) -> _Amounts:
    return {
        "storage": row.storage_bytes / _GIB,
        "cpu": math.ceil(row.cpu),
        "memory": row.memory_bytes / _GIB,
        "gpu": row.gpu,
    }
