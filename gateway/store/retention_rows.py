"""Rows about what is left of workflows that ended."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, or_, select, tuple_

from gateway.ports.retention import EndedWorkflow
from gateway.store.connection import Connected
from gateway.store.retention_tables import removals
from gateway.store.tables import log_segments, workflow_is_alive, workflows
from gateway.store.texts import string_map
from translator.plan.model import WorkflowUuid


class RetentionReads(Connected):
    """Implements `gateway.ports.retention.RetentionReads`."""

    def ended_workflows(
        self, before: datetime, after: tuple[datetime, str], limit: int, *, removed_too: bool
    ) -> tuple[EndedWorkflow, ...]:
        """Sealed workflows that ended before a time, by end and uuid, behind the pair `after`."""
        position = (workflows.c.end_time, workflows.c.workflow_uuid)
        query = (
            select(
                workflows.c.workflow_uuid,
                workflows.c.workflow_id,
                workflows.c.pool,
                workflows.c.backend,
                workflows.c.labels,
                workflows.c.end_time,
                removals.c.data_removed_at,
                removals.c.logs_removed_at,
            )
            .outerjoin(removals, removals.c.workflow_uuid == workflows.c.workflow_uuid)
            .where(workflows.c.sealed, workflows.c.end_time < before, tuple_(*position) > tuple_(*after))
            .order_by(*position)
            .limit(limit)
        )
        if not removed_too:
            query = query.where(or_(removals.c.data_removed_at.is_(None), removals.c.logs_removed_at.is_(None)))
        return tuple(
            EndedWorkflow(
                uuid=WorkflowUuid(row.workflow_uuid),
                workflow_id=row.workflow_id,
                pool=row.pool,
                backend=row.backend,
                labels=string_map(row.labels),
                end_time=row.end_time,
                data_removed=row.data_removed_at is not None,
                logs_removed=row.logs_removed_at is not None,
            )
            for row in self._connection.execute(query)
        )

    def unfinished_workflows(self) -> tuple[WorkflowUuid, ...]:
        """Workflows that have not ended."""
        found = self._connection.execute(select(workflows.c.workflow_uuid).where(workflow_is_alive)).scalars()
        return tuple(WorkflowUuid(uuid) for uuid in found)


class RetentionWrites(RetentionReads):
    """Implements `gateway.ports.retention.RetentionWrites`."""

    def note_data_removed(self, uuid: WorkflowUuid, at: datetime) -> None:
        """Remember that the intermediate data of a workflow is gone. Safe to repeat."""
        self._upsert(removals, {"workflow_uuid": uuid, "data_removed_at": at}, replaced=["data_removed_at"])

    def note_logs_removed(self, uuid: WorkflowUuid, at: datetime) -> None:
        """Remember that the log of a workflow is gone, and drop its index. Safe to repeat."""
        self._connection.execute(delete(log_segments).where(log_segments.c.workflow_uuid == uuid))
        self._upsert(removals, {"workflow_uuid": uuid, "logs_removed_at": at}, replaced=["logs_removed_at"])
