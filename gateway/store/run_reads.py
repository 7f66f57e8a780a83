"""Questions of the mirror and the log store about workflows that are not over."""

from __future__ import annotations

from sqlalchemy import RowMapping, select

from gateway.ports.records import DocumentKind
from gateway.ports.runs import CancelRequest, Instance, Owned, Segment, StoredRun, Timer
from gateway.store.connection import Connected
from gateway.store.states import workflow_state
from gateway.store.tables import (
    cancel_requests,
    documents,
    groups,
    instances,
    log_segments,
    tasks,
    timers,
    workflow_is_unsealed,
    workflows,
)
from gateway.store.texts import attempts_map, ends_map, unpacked
from translator.lifecycle.facts import CancelRequested
from translator.plan.model import WorkflowUuid


class RunReads(Connected):
    """Implements `gateway.ports.store.RunReads`."""

    def load_run(self, uuid: WorkflowUuid) -> StoredRun | None:
        """All that is known of an accepted workflow."""
        query = (
            select(workflows, documents.c.encoding, documents.c.body)
            .join(documents, documents.c.workflow_uuid == workflows.c.workflow_uuid)
            .where(workflows.c.workflow_uuid == uuid, documents.c.kind == DocumentKind.PLAN.value)
        )
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return None
        of_groups = select(groups).where(groups.c.workflow_uuid == uuid).order_by(groups.c.position)
        of_tasks = select(tasks).where(tasks.c.workflow_uuid == uuid).order_by(tasks.c.position, tasks.c.retry_id)
        state = workflow_state(row, self._connection.execute(of_groups), self._connection.execute(of_tasks))
        return StoredRun(
            owner=_owned(row._mapping),
            plan=unpacked(row.encoding, row.body),
            state=state,
            sealed=row.sealed,
            timers=frozenset(
                Timer(kind=timer.kind, subject=timer.subject, due=timer.due)
                for timer in self._connection.execute(select(timers).where(timers.c.workflow_uuid == uuid))
            ),
        )

    def unsealed(self, *, besides: str | None = None) -> tuple[Owned, ...]:
        """The workflows that still need a runner, oldest first; not those that the instance `besides` owns."""
        table = workflows.c
        query = (
            select(table.workflow_uuid, table.backend, table.instance, table.fence)
            .where(workflow_is_unsealed)
            .order_by(table.submit_time)
        )
        if besides is not None:
            query = query.where(table.instance.is_distinct_from(besides))
        return tuple(_owned(row._mapping) for row in self._connection.execute(query))

    def cancel_requests(self, instance: str) -> tuple[CancelRequest, ...]:
        """Requests not answered yet for workflows that this instance owns, oldest first."""
        query = (
            select(cancel_requests)
            .join(workflows, workflows.c.workflow_uuid == cancel_requests.c.workflow_uuid)
            .where(workflows.c.instance == instance)
            .order_by(cancel_requests.c.id)
        )
        return tuple(
            CancelRequest(
                number=row.id,
                uuid=WorkflowUuid(row.workflow_uuid),
                fact=CancelRequested(user=row.user_name, at=row.at, message=row.message, force=row.force),
            )
            for row in self._connection.execute(query)
        )

    def instances(self) -> tuple[Instance, ...]:
        """The processes known to run workflows."""
        rows = self._connection.execute(select(instances).order_by(instances.c.started_at, instances.c.name))
        return tuple(
            Instance(
                name=row.name, place=row.place, pid=row.pid, started_at=row.started_at, heartbeat_at=row.heartbeat_at
            )
            for row in rows
        )

    def segments(self, uuid: WorkflowUuid) -> tuple[Segment, ...]:
        """The index of a workflow's compressed log, in order."""
        query = select(log_segments).where(log_segments.c.workflow_uuid == uuid).order_by(log_segments.c.number)
        return tuple(
            Segment(
                number=row.number,
                first_line=row.first_line,
                lines=row.lines,
                first_at=row.first_at,
                last_at=row.last_at,
                raw_bytes=row.raw_bytes,
                stored_bytes=row.stored_bytes,
                attempts=attempts_map(row.attempts),
                ends=None if row.ends is None else ends_map(row.ends),
            )
            for row in self._connection.execute(query)
        )

    def sealed(self, uuid: WorkflowUuid) -> bool:
        """Whether nothing will change any more; also True of a workflow that does not exist."""
        query = select(workflows.c.sealed).where(workflows.c.workflow_uuid == uuid)
        return self._connection.execute(query).scalar_one_or_none() is not False


def _owned(values: RowMapping) -> Owned:
    return Owned(
        uuid=WorkflowUuid(values["workflow_uuid"]),
        backend=values["backend"] or "",
        instance=values["instance"],
        fence=values["fence"],
    )
