"""What use cases change: new workflows, cancel requests, tags, profiles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Table, bindparam, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.functions import count

from engine.crashpoints import crash_point
from gateway.ports.faults import UnknownRun
from gateway.ports.records import AppRef, DocumentKind, FailedSubmission, NewWorkflow, Parent
from gateway.ports.runs import FIRST_FENCE
from gateway.store.prepared import Prepared, columns_of
from gateway.store.states import Values, group_values, task_values, workflow_values
from gateway.store.tables import (
    cancel_requests,
    documents,
    groups,
    idempotency_keys,
    labels,
    profiles,
    submitters,
    tags,
    tasks,
    workflow_is_alive,
    workflow_numbers,
    workflows,
)
from gateway.store.texts import clean, json_text, packed
from gateway.store.workflow_reads import WorkflowReads
from translator.lifecycle.facts import CancelRequested
from translator.lifecycle.words import WorkflowStatus
from translator.plan.model import WorkflowUuid, encode


class WorkflowWrites(WorkflowReads):
    """Implements the use cases' part of `gateway.ports.store.Writes`."""

    def claim_key(self, user: str, key: str, digest: bytes, uuid: WorkflowUuid, now: datetime) -> WorkflowUuid | None:
        """Bind an idempotency key to the workflow that is about to be inserted; the earlier one if it is not new."""
        values = {
            "user_name": clean(user),
            "key": clean(key),
            "digest": digest,
            "workflow_uuid": uuid,
            "created_at": now,
        }
        # On PostgreSQL this waits for another transaction that is inserting the same key.
        insertion = self._insert_new(idempotency_keys).values(values).returning(idempotency_keys.c.key)
        if self._connection.execute(insertion).first() is not None:
            crash_point("store.key-claimed")
            return None
        return self.claimed_key(user, key, digest)

    def reserve_number(self, name: str) -> int:
        """One more than the highest number that workflows of this name have used."""
        next_number = _NEXT_NUMBER_LITE if self._is_sqlite else _NEXT_NUMBER
        number = next_number.number(self._connection, {"workflow_name": name})
        crash_point("store.number-reserved")
        return number

    def insert_workflow(self, new: NewWorkflow) -> None:
        """Keep an accepted workflow."""
        plan, state = new.plan, new.state
        uuid = plan.workflow_uuid
        _INSERT_WORKFLOW.run(
            self._connection,
            [
                {
                    "workflow_uuid": uuid,
                    "workflow_id": plan.workflow_id,
                    "workflow_name": plan.name,
                    "number": new.number,
                    "submitted_by": plan.owner,
                    "pool": plan.pool,
                    "backend": plan.backend,
                    "priority": plan.priority.value,
                    "labels": json_text(plan.labels),
                    "exec_timeout_seconds": plan.exec_timeout_seconds,
                    "queue_timeout_seconds": plan.queue_timeout_seconds,
                    "outputs": new.outputs,
                    "rsync": new.rsync,
                    **_origin(new.parent, new.app),
                    "submit_time": state.submit_time,
                    **workflow_values(state),
                    "sealed": False,
                    "instance": new.instance,
                    "fence": FIRST_FENCE,
                }
            ],
        )
        _INSERT_GROUP.run(self._connection, _group_rows(new))
        _INSERT_TASK.run(self._connection, _task_rows(new))
        self._keep_texts(uuid, plan.labels, new.documents, plan=encode(plan))
        self._see_submitter(plan.owner, state.submit_time)
        crash_point("store.workflow-inserted")

    def insert_failed_submission(self, refused: FailedSubmission) -> None:
        """Keep the record of a refused submission."""
        self._connection.execute(
            insert(workflows),
            {
                "workflow_uuid": refused.uuid,
                "workflow_id": f"{refused.name}-{refused.number}",
                "workflow_name": refused.name,
                "number": refused.number,
                "submitted_by": clean(refused.submitted_by),
                "pool": refused.pool,
                "backend": refused.backend,
                "priority": refused.priority.value,
                "labels": json_text(dict(refused.labels)),
                "outputs": "",
                "rsync": False,
                **_origin(refused.parent, refused.app),
                "status": WorkflowStatus.FAILED_SUBMISSION.value,
                "submit_time": refused.submit_time,
                # It ended as it began; without an end it would seem to wait in the queue for ever.
                "end_time": refused.submit_time,
                "cancel_message": "",
                "cancel_forced": False,
                "failure_message": clean(refused.message),
                "alive": False,
                "sealed": True,
                "fence": FIRST_FENCE,
            },
        )
        self._keep_texts(refused.uuid, refused.labels, refused.documents)
        self._see_submitter(clean(refused.submitted_by), refused.submit_time)
        crash_point("store.failed-submission-inserted")

    def request_cancel(self, uuid: WorkflowUuid, request: CancelRequested) -> None:
        """Keep a user's wish to end the workflow and mark it `cancelled_by` at once."""
        query = select(workflows.c.sealed).where(workflows.c.workflow_uuid == uuid).with_for_update()
        sealed = self._connection.execute(query).scalar_one_or_none()
        if sealed is None:
            raise UnknownRun(uuid)
        if sealed:
            return
        user = clean(request.user)
        self._connection.execute(
            update(workflows)
            .where(workflows.c.workflow_uuid == uuid, workflow_is_alive, workflows.c.cancel_requested_by.is_(None))
            .values(cancel_requested_by=user)
        )
        self._connection.execute(
            insert(cancel_requests).values(
                workflow_uuid=uuid, user_name=user, message=clean(request.message), force=request.force, at=request.at
            )
        )
        crash_point("store.cancel-requested")

    def change_tags(self, uuid: WorkflowUuid, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        """Take tags off, then put tags on."""
        gone = [clean(tag) for tag in remove]
        self._connection.execute(delete(tags).where(tags.c.workflow_uuid == uuid, tags.c.tag.in_(gone)))
        rows = [{"workflow_uuid": uuid, "tag": clean(tag)} for tag in dict.fromkeys(add)]
        if rows:
            self._connection.execute(self._insert_new(tags), rows)

    def set_profile(
        self,
        user: str,
        *,
        pool: str | None = None,
        email_notification: bool | None = None,
        slack_notification: bool | None = None,
    ) -> None:
        """Change a user's choices; None leaves one as it is."""
        given = {
            "pool": pool,
            "email_notification": email_notification,
            "slack_notification": slack_notification,
        }
        changed = {name: value for name, value in given.items() if value is not None}
        values = {"user_name": clean(user), "pool": None, "email_notification": False, "slack_notification": False}
        self._connection.execute(self._insert_new(profiles).values(values))
        if changed:
            mine = profiles.c.user_name == values["user_name"]
            self._connection.execute(update(profiles).where(mine).values(changed))

    def _keep_texts(
        self,
        uuid: WorkflowUuid,
        label_values: Mapping[str, str],
        texts: Mapping[DocumentKind, str],
        plan: bytes | None = None,
    ) -> None:
        bodies = {kind: text.encode(errors="replace") for kind, text in texts.items()}
        if plan is not None:
            bodies[DocumentKind.PLAN] = plan
        rows = []
        for kind, body in bodies.items():
            encoding, stored = packed(body)
            rows.append({"workflow_uuid": uuid, "kind": kind.value, "encoding": encoding.value, "body": stored})
        _INSERT_DOCUMENT.run(self._connection, rows)
        _INSERT_LABEL.run(
            self._connection,
            [{"workflow_uuid": uuid, "key": key, "value": value} for key, value in label_values.items()],
        )

    def _see_submitter(self, user: str, at: datetime) -> None:
        # Asked first, for nearly all have been seen: writing would lock the row on PostgreSQL.
        if not _TIMES_SEEN.number(self._connection, {"user": user}):
            self._connection.execute(self._insert_new(submitters).values(user_name=user, first_seen=at))


def _origin(parent: Parent | None, app: AppRef | None) -> Values:
    return {
        "parent_name": parent.name if parent else None,
        "parent_number": parent.number if parent else None,
        "app_uuid": app.uuid if app else None,
        "app_version": app.version if app else None,
        "app_owner": app.owner if app else None,
        "app_name": app.name if app else None,
    }


def _group_rows(new: NewWorkflow) -> list[Values]:
    order = [group.name for group in new.plan.groups]
    return [
        {
            "workflow_uuid": new.plan.workflow_uuid,
            "name": group.name,
            "position": position,
            "group_uuid": group.uuid,
            "downstream": json_text(group.downstream),
            **group_values(new.state.groups[group.name], order),
        }
        for position, group in enumerate(new.plan.groups)
    ]


def _task_rows(new: NewWorkflow) -> list[Values]:
    plan = new.plan
    ordered = [(group, task) for group in plan.groups for task in group.tasks]
    return [
        {
            "workflow_uuid": plan.workflow_uuid,
            "name": task.name,
            "retry_id": attempt.retry_id,
            "position": position,
            "task_uuid": task.uuid,
            "group_name": group.name,
            "lead": task.lead,
            "cpu": task.resources.cpu,
            "gpu": task.resources.gpu,
            "memory_bytes": task.resources.memory_bytes,
            "storage_bytes": task.resources.storage_bytes,
            "workflow_id": plan.workflow_id,
            "submitted_by": plan.owner,
            "submit_time": new.state.submit_time,
            "pool": plan.pool,
            "priority": plan.priority.value,
            **task_values(attempt),
        }
        for position, (group, task) in enumerate(ordered)
        for attempt in new.state.attempts[task.name]
    ]


def _insertion(table: Table, *, without: Iterable[str] = ()) -> Prepared:
    """A new row with all its columns given, but for some."""
    names = [column.name for column in table.c if column.name not in without]
    return Prepared(insert(table).values(columns_of(table, names)))


def _next_number(into: sqlite.Insert | postgresql.Insert) -> Prepared:
    return Prepared(
        into.values(workflow_name=bindparam("workflow_name"), highest=1)
        .on_conflict_do_update(
            index_elements=[workflow_numbers.c.workflow_name], set_={"highest": workflow_numbers.c.highest + 1}
        )
        .returning(workflow_numbers.c.highest)
    )


_NEXT_NUMBER_LITE = _next_number(sqlite.insert(workflow_numbers))
_NEXT_NUMBER = _next_number(postgresql.insert(workflow_numbers))
_TIMES_SEEN = Prepared(select(count()).select_from(submitters).where(submitters.c.user_name == bindparam("user")))
_INSERT_WORKFLOW = _insertion(workflows, without=["cancel_requested_by"])
_INSERT_GROUP = _insertion(groups)
_INSERT_TASK = _insertion(tasks)
_INSERT_DOCUMENT = _insertion(documents)
_INSERT_LABEL = _insertion(labels)
