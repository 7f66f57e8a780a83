"""What the mirror and the log store change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from operator import attrgetter

from sqlalchemy import bindparam, delete, insert, literal, select, update

from engine.crashpoints import crash_point
from gateway.ports.faults import Fenced
from gateway.ports.runs import Instance, Owned, Segment, StateChange
from gateway.store.dataset_writes import DatasetWrites
from gateway.store.prepared import Prepared, columns_of
from gateway.store.states import (
    GROUP_FIELDS,
    TASK_FIELDS,
    WORKFLOW_FIELDS,
    Values,
    group_values,
    task_values,
    workflow_values,
)
from gateway.store.tables import (
    cancel_requests,
    events,
    groups,
    idempotency_keys,
    instances,
    log_segments,
    signing_keys,
    tasks,
    timers,
    workflows,
)
from gateway.store.texts import attempts_text, clean, ends_text
from translator.lifecycle.state import TaskState
from translator.plan.model import WorkflowUuid


class RunWrites(DatasetWrites):
    """Implements the mirror's and the log store's part of `gateway.ports.store.Writes`."""

    def take_over(self, owned: Owned, instance: str) -> Owned | None:
        """Become the owner of a workflow; None where somebody else was faster."""
        changed = self._connection.execute(_TAKE_OVER, {"b_uuid": owned.uuid, "b_fence": owned.fence, "to": instance})
        if changed.rowcount != 1:
            return None
        return replace(owned, instance=instance, fence=owned.fence + 1)

    def save_changes(self, changes: Sequence[StateChange]) -> None:
        """Write what differs between each before and after, all of it or nothing."""
        self._check_fences(changes)
        for statement, rows in (
            (_UPDATE_WORKFLOW, _workflow_rows(changes)),
            (_UPDATE_GROUP, _group_rows(changes)),
            (_INSERT_ATTEMPT, _new_attempts(changes)),
            (_UPDATE_ATTEMPT, _attempt_rows(changes)),
            (_DELETE_TIMER, _gone_timers(changes)),
            (_INSERT_TIMER, _new_timers(changes)),
            (_INSERT_EVENT, _event_rows(changes)),
            (_DELETE_CANCEL, ({"b_id": number} for change in changes for number in change.cancels)),
        ):
            statement.run(self._connection, list(rows))
        self.add_made([made for change in changes for made in change.made])
        self._seal([change.uuid for change in changes if change.sealed])
        crash_point("store.changes-written")

    def beat(self, instance: Instance) -> None:
        """Keep or renew the row of a process."""
        values = {
            "name": instance.name,
            "place": instance.place,
            "pid": instance.pid,
            "started_at": instance.started_at,
            "heartbeat_at": instance.heartbeat_at,
        }
        self._upsert(instances, values, replaced=["heartbeat_at"])

    def forget_instance(self, name: str) -> None:
        """Drop the row of a process that has ended."""
        self._connection.execute(delete(instances).where(instances.c.name == name))

    def add_segment(self, uuid: WorkflowUuid, segment: Segment) -> None:
        """Index a piece of a log. Safe to repeat."""
        values = {
            "workflow_uuid": uuid,
            "number": segment.number,
            "first_line": segment.first_line,
            "lines": segment.lines,
            "first_at": segment.first_at,
            "last_at": segment.last_at,
            "raw_bytes": segment.raw_bytes,
            "stored_bytes": segment.stored_bytes,
            "attempts": attempts_text(segment.attempts),
            "ends": None if segment.ends is None else ends_text(segment.ends),
        }
        self._upsert(
            log_segments, values, replaced=[name for name in values if name not in ("workflow_uuid", "number")]
        )

    def signing_key(self, name: str, made: bytes) -> bytes:
        """The key of this name that all processes on the database use: `made` if there was none, kept from now on."""
        self._connection.execute(self._insert_new(signing_keys).values(name=name, body=made))
        kept: bytes = self._connection.execute(
            select(signing_keys.c.body).where(signing_keys.c.name == name)
        ).scalar_one()
        return bytes(kept)

    def purge(self, uuids: Sequence[WorkflowUuid]) -> None:
        """Drop sealed workflows with all that belongs to them."""
        self._connection.execute(delete(idempotency_keys).where(idempotency_keys.c.workflow_uuid.in_(uuids)))
        self._connection.execute(delete(workflows).where(workflows.c.workflow_uuid.in_(uuids), workflows.c.sealed))

    def _check_fences(self, changes: Sequence[StateChange]) -> None:
        # The rows stay locked until the commit (on SQLite the whole database is), so nobody can take over in between;
        # one order for all, or two processes could wait for each other.
        if len(changes) == 1:
            rows = self._connection.execute(_LOCKED_FENCE, {"uuid": changes[0].uuid})
        else:
            rows = self._connection.execute(_LOCKED_FENCES, {"uuids": sorted(change.uuid for change in changes)})
        fences = {row.workflow_uuid: row.fence for row in rows}
        lost = [change.uuid for change in changes if fences.get(change.uuid) != change.fence]
        if lost:
            raise Fenced(lost)

    def _seal(self, uuids: Sequence[WorkflowUuid]) -> None:
        if not uuids:
            return
        self._connection.execute(update(workflows).where(workflows.c.workflow_uuid.in_(uuids)).values(sealed=True))
        for table in (timers, cancel_requests):
            self._connection.execute(delete(table).where(table.c.workflow_uuid.in_(uuids)))


def _workflow_rows(changes: Iterable[StateChange]) -> Iterator[Values]:
    shown = attrgetter(*WORKFLOW_FIELDS)
    for change in changes:
        if change.before is not change.after and shown(change.before) != shown(change.after):
            yield {"b_uuid": change.uuid, **workflow_values(change.after)}


def _group_rows(changes: Iterable[StateChange]) -> Iterator[Values]:
    for change in changes:
        before, after = change.before.groups, change.after.groups
        if before is after:
            continue
        for name, group in after.items():
            if group is not before[name] and group != before[name]:
                yield {"b_uuid": change.uuid, "b_name": name, **group_values(group, after)}


def _changed_attempts(changes: Iterable[StateChange]) -> Iterator[tuple[StateChange, TaskState, bool]]:
    """Every attempt that differs, and whether it has no row yet."""
    for change in changes:
        before, after = change.before.attempts, change.after.attempts
        if before is after:
            continue
        for name, attempts in after.items():
            known = before[name]
            if attempts is known:
                continue
            for position, attempt in enumerate(attempts):
                is_new = position >= len(known)
                if is_new or (attempt is not known[position] and attempt != known[position]):
                    yield change, attempt, is_new


def _new_attempts(changes: Iterable[StateChange]) -> Iterator[Values]:
    for change, attempt, is_new in _changed_attempts(changes):
        if is_new:
            key = {"b_uuid": change.uuid, "b_name": attempt.name, "b_retry": attempt.retry_id}
            yield {**key, **_prefixed(task_values(attempt))}


def _attempt_rows(changes: Iterable[StateChange]) -> Iterator[Values]:
    for change, attempt, is_new in _changed_attempts(changes):
        if not is_new:
            key = {"b_uuid": change.uuid, "b_name": attempt.name, "b_retry": attempt.retry_id}
            yield {**key, **task_values(attempt)}


def _gone_timers(changes: Iterable[StateChange]) -> Iterator[Values]:
    for change in changes:
        for timer in change.timers_gone:
            yield {"b_uuid": change.uuid, "b_kind": timer.kind, "b_subject": timer.subject}


def _new_timers(changes: Iterable[StateChange]) -> Iterator[Values]:
    for change in changes:
        for timer in change.timers_new:
            yield {"workflow_uuid": change.uuid, "kind": timer.kind, "subject": timer.subject, "due": timer.due}


def _event_rows(changes: Iterable[StateChange]) -> Iterator[Values]:
    for change in changes:
        for event in change.events:
            yield {
                "workflow_uuid": change.uuid,
                "at": event.at,
                "task": event.task,
                "retry_id": event.retry_id,
                "reason": clean(event.reason),
                "message": clean(event.message),
            }


def _prefixed(values: Values) -> Values:
    return {f"v_{name}": value for name, value in values.items()}


_LOCKED_FENCES = (
    select(workflows.c.workflow_uuid, workflows.c.fence)
    .where(workflows.c.workflow_uuid.in_(bindparam("uuids", expanding=True)))
    .order_by(workflows.c.workflow_uuid)
    .with_for_update()
)
# Nearly always it is one, and a list would be written into the statement anew each time.
_LOCKED_FENCE = (
    select(workflows.c.workflow_uuid, workflows.c.fence)
    .where(workflows.c.workflow_uuid == bindparam("uuid"))
    .with_for_update()
)
_DERIVED = ("alive", "order_rank", "started_key")
_TAKE_OVER = (
    update(workflows)
    .where(
        workflows.c.workflow_uuid == bindparam("b_uuid"),
        workflows.c.fence == bindparam("b_fence"),
        workflows.c.sealed.is_(False),
    )
    .values(instance=bindparam("to"), fence=workflows.c.fence + 1)
)
_UPDATE_WORKFLOW = Prepared(
    update(workflows)
    .where(workflows.c.workflow_uuid == bindparam("b_uuid"))
    .values(columns_of(workflows, (*WORKFLOW_FIELDS, "alive")))
)
_UPDATE_GROUP = Prepared(
    update(groups)
    .where(groups.c.workflow_uuid == bindparam("b_uuid"), groups.c.name == bindparam("b_name"))
    .values(columns_of(groups, GROUP_FIELDS))
)
_UPDATE_ATTEMPT = Prepared(
    update(tasks)
    .where(
        tasks.c.workflow_uuid == bindparam("b_uuid"),
        tasks.c.name == bindparam("b_name"),
        tasks.c.retry_id == bindparam("b_retry"),
    )
    .values(columns_of(tasks, (*TASK_FIELDS, *_DERIVED)))
)
# What never changes about a task is copied from its first attempt.
_CHANGING = ("retry_id", *TASK_FIELDS, *_DERIVED)
_KEPT = [column.name for column in tasks.c if column.name not in _CHANGING]
_INSERT_ATTEMPT = Prepared(
    insert(tasks).from_select(
        [*_KEPT, *_CHANGING],
        select(
            *(tasks.c[name] for name in _KEPT),
            bindparam("b_retry", type_=tasks.c.retry_id.type),
            *(bindparam(f"v_{name}", type_=tasks.c[name].type) for name in _CHANGING[1:]),
        ).where(
            tasks.c.workflow_uuid == bindparam("b_uuid"),
            tasks.c.name == bindparam("b_name"),
            tasks.c.retry_id == literal(0),
        ),
    )
)
_DELETE_TIMER = Prepared(
    delete(timers).where(
        timers.c.workflow_uuid == bindparam("b_uuid"),
        timers.c.kind == bindparam("b_kind"),
        timers.c.subject == bindparam("b_subject"),
    )
)
_INSERT_TIMER = Prepared(insert(timers).values(columns_of(timers, ("workflow_uuid", "kind", "subject", "due"))))
_INSERT_EVENT = Prepared(
    insert(events).values(
        columns_of(events, ("workflow_uuid", "at", "task", "retry_id", "reason", "message")),
    )
)
_DELETE_CANCEL = Prepared(delete(cancel_requests).where(cancel_requests.c.id == bindparam("b_id")))
