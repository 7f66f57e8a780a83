"""Rows about logs that were brought to the place of logs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, delete, func, select, update

from gateway.ports.archive import Archive, ArchiveBacklog, ArchivedObject, Member
from gateway.store.archive_tables import archive_is_waiting, archived_objects, log_archives
from gateway.store.connection import Connected
from gateway.store.retention_tables import removals
from gateway.store.tables import tasks, workflows
from gateway.store.texts import clean, json_text
from translator.plan.model import WorkflowUuid

_MEMBERS = msgspec.json.Decoder(list[tuple[int, int, int]])


class ArchiveReads(Connected):
    """Implements `gateway.ports.archive.ArchiveReads`."""

    def archive(self, uuid: WorkflowUuid) -> Archive | None:
        """How far a workflow's log is."""
        row = self._connection.execute(select(log_archives).where(log_archives.c.workflow_uuid == uuid)).one_or_none()
        return None if row is None else _archive(row)

    def archived(self, uuid: WorkflowUuid, directory: str | None = None) -> tuple[ArchivedObject, ...]:
        """The objects of a workflow, by name; all, or those below one directory."""
        query = select(archived_objects).where(archived_objects.c.workflow_uuid == uuid)
        if directory is not None:
            # In order of code points, "0" is what follows the slash.
            query = query.where(archived_objects.c.name > f"{directory}/", archived_objects.c.name < f"{directory}0")
        return tuple(_object(row) for row in self._connection.execute(query.order_by(archived_objects.c.name)))

    def archived_object(self, uuid: WorkflowUuid, name: str) -> ArchivedObject | None:
        """One of them."""
        query = select(archived_objects).where(
            archived_objects.c.workflow_uuid == uuid, archived_objects.c.name == name
        )
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _object(row)

    def waiting_archives(self, limit: int) -> tuple[Archive, ...]:
        """Logs that wait, oldest first."""
        query = select(log_archives).where(archive_is_waiting).order_by(log_archives.c.since).limit(limit)
        return tuple(_archive(row) for row in self._connection.execute(query))

    def archive_backlog(self) -> ArchiveBacklog:
        """How much waits."""
        oldest = self.waiting_archives(1)
        if not oldest:
            return ArchiveBacklog()
        count = self._connection.execute(select(func.count()).select_from(log_archives).where(archive_is_waiting))
        return ArchiveBacklog(logs=count.scalar_one(), since=oldest[0].since, problem=oldest[0].problem)

    def finished_archives(self, uuids: Sequence[WorkflowUuid]) -> frozenset[WorkflowUuid]:
        """Those of which everything is in the place."""
        query = select(log_archives.c.workflow_uuid).where(
            log_archives.c.workflow_uuid.in_(uuids), log_archives.c.finished_at.is_not(None)
        )
        return frozenset(WorkflowUuid(uuid) for uuid in self._connection.execute(query).scalars())

    def ended_attempts(self, uuid: WorkflowUuid) -> tuple[tuple[str, int], ...]:
        """Task and number of the attempts that have ended."""
        query = select(tasks.c.name, tasks.c.retry_id).where(tasks.c.workflow_uuid == uuid, tasks.c.alive.is_(False))
        return tuple((row.name, row.retry_id) for row in self._connection.execute(query))


class ArchiveWrites(ArchiveReads):
    """Implements `gateway.ports.archive.ArchiveWrites`."""

    def expect_archive(self, uuid: WorkflowUuid, at: datetime) -> None:
        """Remember that a workflow's log is to be brought to the place. Safe to repeat."""
        self._connection.execute(self._insert_new(log_archives).values(workflow_uuid=uuid, since=at, problem=""))

    def add_archived(
        self, uuid: WorkflowUuid, objects: Sequence[ArchivedObject], *, finished_at: datetime | None = None
    ) -> bool:
        """Note where objects are, and that these are the last ones; False where they are not wanted any more."""
        known = (
            select(workflows.c.workflow_uuid).where(workflows.c.workflow_uuid == uuid).with_for_update(key_share=True)
        )
        if self._connection.execute(known).one_or_none() is None:
            return False
        found = self.archive(uuid)
        removed = select(removals.c.logs_removed_at).where(removals.c.workflow_uuid == uuid)
        if (found is not None and found.finished_at is not None) or self._connection.execute(removed).scalar():
            return False
        for each in objects:
            values = {
                "workflow_uuid": uuid,
                "name": each.name,
                "place": each.place,
                "stored_bytes": each.stored_bytes,
                "lines": each.lines,
                "members": json_text([(member.start, member.size, member.lines) for member in each.members]),
            }
            self._upsert(archived_objects, values, replaced=["place", "stored_bytes", "lines", "members"])
        if finished_at is not None:
            self.finish_archive(uuid, finished_at)
        return True

    def finish_archive(self, uuid: WorkflowUuid, at: datetime) -> None:
        """Note that nothing more is to go there. Safe to repeat."""
        # The same lock as `add_archived` takes.
        known = (
            select(workflows.c.workflow_uuid).where(workflows.c.workflow_uuid == uuid).with_for_update(key_share=True)
        )
        if self._connection.execute(known).one_or_none() is not None:
            values = {"workflow_uuid": uuid, "since": at, "finished_at": at, "problem": ""}
            self._upsert(log_archives, values, replaced=["finished_at", "problem"])

    def note_archive_problem(self, uuid: WorkflowUuid, problem: str) -> None:
        """Note why a log still waits."""
        changed = update(log_archives).where(log_archives.c.workflow_uuid == uuid, archive_is_waiting)
        self._connection.execute(changed.values(problem=clean(problem)))

    def forget_archived(self, uuid: WorkflowUuid, names: Sequence[str]) -> None:
        """Drop the rows of objects that are gone."""
        table = archived_objects.c
        for start in range(0, len(names), 500):
            some = names[start : start + 500]
            self._connection.execute(delete(archived_objects).where(table.workflow_uuid == uuid, table.name.in_(some)))

    def _held(self, uuid: WorkflowUuid) -> bool:
        """Whether the workflow is known; its row stays locked until the commit, so that additions and the end of them
        come one after the other."""
        known = select(workflows.c.workflow_uuid).where(workflows.c.workflow_uuid == uuid)
        return self._connection.execute(known.with_for_update(key_share=True)).one_or_none() is not None


def _archive(row: Row[Any]) -> Archive:
    return Archive(
        uuid=WorkflowUuid(row.workflow_uuid), since=row.since, finished_at=row.finished_at, problem=row.problem
    )


def _object(row: Row[Any]) -> ArchivedObject:
    return ArchivedObject(
        name=row.name,
        place=row.place,
        stored_bytes=row.stored_bytes,
        lines=row.lines,
        members=tuple(
            Member(start=start, size=size, lines=lines) for start, size, lines in _MEMBERS.decode(row.members)
        ),
    )


def _member(start: int, size: int, lines: int) -> Member:
    return Member(start=start, size=size, lines=lines)
