"""Questions about groups, attempts of tasks, and events."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, and_, func, select, true

from gateway.ports.records import EventRecord, GroupRecord, Page, ResourceSum, TaskEntry, TaskFilter, TaskRecord
from gateway.store.connection import MOST_ROWS, Connected, equals
from gateway.store.records import group_record, task_entry, task_record
from gateway.store.states import order_rank
from gateway.store.tables import events, groups, task_is_alive, tasks
from gateway.store.texts import clean
from translator.plan.model import Priority, TaskName, WorkflowId, WorkflowUuid


class TaskReads(Connected):
    """Implements `gateway.ports.store.TaskReads`."""

    def groups(self, uuid: WorkflowUuid) -> tuple[GroupRecord, ...]:
        """The groups of a workflow, in the Plan's order."""
        query = select(groups).where(groups.c.workflow_uuid == uuid).order_by(groups.c.position)
        return tuple(group_record(row) for row in self._connection.execute(query))

    def attempts(self, uuid: WorkflowUuid, *, all_retries: bool = False) -> tuple[TaskRecord, ...]:
        """The latest attempt of each task, or all of them, by name and then falling retry_id."""
        query = select(tasks).where(tasks.c.workflow_uuid == uuid).order_by(tasks.c.name, tasks.c.retry_id.desc())
        found = tuple(task_record(row) for row in self._connection.execute(query))
        return found if all_retries else tuple(_first_of_each(found))

    def attempt(self, uuid: WorkflowUuid, task: str, retry_id: int | None = None) -> TaskRecord | None:
        """One attempt of a task; None: the latest."""
        query = select(tasks).where(tasks.c.workflow_uuid == uuid, tasks.c.name == clean(task))
        if retry_id is not None:
            query = query.where(equals(tasks.c.retry_id, retry_id))
        row = self._connection.execute(query.order_by(tasks.c.retry_id.desc()).limit(1)).one_or_none()
        return None if row is None else task_record(row)

    def tasks(self, chosen: TaskFilter, page: Page) -> tuple[TaskEntry, ...]:
        """The newest attempts that pass, in OSMO's order."""
        table = tasks.c
        newest = (table.order_rank, table.started_key, table.submit_time, table.name)
        # The last two make the order total, so that pages never share a row.
        query = (
            select(tasks)
            .where(self._task_passes(chosen), *_within_ranks(chosen))
            .order_by(*(column.desc() for column in (*newest, table.workflow_uuid, table.retry_id)))
            .offset(min(page.offset, MOST_ROWS))
            .limit(min(page.limit, MOST_ROWS))
        )
        entries = [task_entry(row) for row in self._connection.execute(query)]
        return tuple(entries if page.descending else reversed(entries))

    def resource_sums(self, chosen: TaskFilter, *, by_workflow: bool = False) -> tuple[ResourceSum, ...]:
        """What the attempts that pass ask for, by user, pool and priority (and workflow), sorted by these."""
        table = tasks.c
        parts = [table.submitted_by, table.pool, table.priority]
        if by_workflow:
            parts.append(table.workflow_id)
        query = (
            select(
                *parts,
                func.sum(table.cpu).label("cpu"),
                func.sum(table.gpu).label("gpu"),
                func.sum(table.memory_bytes).label("memory_bytes"),
                func.sum(table.storage_bytes).label("storage_bytes"),
            )
            .where(self._task_passes(chosen), table.pool.is_not(None))
            .group_by(*parts)
            .order_by(*parts)
        )
        return tuple(
            ResourceSum(
                submitted_by=row.submitted_by,
                pool=row.pool,
                priority=Priority(row.priority),
                workflow_id=WorkflowId(row.workflow_id) if by_workflow else None,
                cpu=float(row.cpu),
                gpu=int(row.gpu),
                # PostgreSQL adds up bigints as numeric.
                memory_bytes=int(row.memory_bytes),
                storage_bytes=int(row.storage_bytes),
            )
            for row in self._connection.execute(query)
        )

    def events(
        self,
        uuid: WorkflowUuid,
        *,
        task: str | None = None,
        retry_id: int | None = None,
        after: int = 0,
        last: int | None = None,
    ) -> tuple[EventRecord, ...]:
        """The events of a workflow in order."""
        query = select(events).where(events.c.workflow_uuid == uuid, events.c.id > after)
        if task is not None:
            query = query.where(events.c.task == clean(task))
        if retry_id is not None:
            query = query.where(equals(events.c.retry_id, retry_id))
        if last is None:
            rows = list(self._connection.execute(query.order_by(events.c.id)))
        else:
            rows = list(self._connection.execute(query.order_by(events.c.id.desc()).limit(min(last, MOST_ROWS))))
            rows.reverse()
        return tuple(
            EventRecord(
                number=row.id,
                at=row.at,
                task=TaskName(row.task),
                retry_id=row.retry_id,
                reason=row.reason,
                message=row.message,
            )
            for row in rows
        )

    def _task_passes(self, chosen: TaskFilter) -> ColumnElement[bool]:
        table = tasks.c
        conditions: list[ColumnElement[bool]] = [true()]
        if chosen.users is not None:
            conditions.append(self._one_of(table.submitted_by, chosen.users))
        if chosen.statuses is not None:
            alone = len(chosen.statuses) == 1 and chosen.users is None
            conditions.append(self._one_of(table.status, chosen.statuses, selective=alone))
        if chosen.pools is not None:
            alone = len(chosen.pools) == 1 and chosen.users is None and chosen.statuses is None
            conditions.append(self._one_of(table.pool, chosen.pools, selective=alone))
        if chosen.nodes is not None:
            conditions.append(self._one_of(table.node_name, chosen.nodes))
        if chosen.priorities is not None:
            conditions.append(self._one_of(table.priority, chosen.priorities))
        if chosen.statuses and not any(status.finished for status in chosen.statuses):
            # Follows from the statuses; said for the index over what is alive.
            conditions.append(task_is_alive)
        if chosen.workflow_id is not None:
            conditions.append(self._contains(table.workflow_id, clean(chosen.workflow_id)))
        if chosen.started_after is not None:
            conditions.append(table.started_key >= chosen.started_after)
        if chosen.started_before is not None:
            conditions.append(table.started_key < chosen.started_before)
        return and_(*conditions)


def _within_ranks(chosen: TaskFilter) -> Iterable[ColumnElement[bool]]:
    """What follows from the statuses, said for the index that the list is sorted by."""
    ranks = [order_rank(status) for status in chosen.statuses or ()]
    if ranks:
        yield tasks.c.order_rank.between(min(ranks), max(ranks))


def _first_of_each(attempts: Iterable[TaskRecord]) -> Iterable[TaskRecord]:
    name = None
    for attempt in attempts:
        if attempt.name != name:
            yield attempt
        name = attempt.name
