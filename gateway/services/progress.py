"""The progress of one workflow as server-sent events, for live pages. Ours, not OSMO's.

Shape: `status` carries the statuses of workflow, groups and tasks as they are now, sent when they differ from what was
sent before; `event` carries one backend event; `end` says that nothing more will come. The id of a message names the
last event and the statuses sent so far, so that a reader who comes back gets only what he missed.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime

from gateway.ports.mirror import MirrorPort
from gateway.ports.records import EventRecord, GroupRecord, TaskRecord, WorkflowRecord
from gateway.ports.store import Store
from gateway.services.growing import Growing
from gateway.services.lookup import MAX_INTEGER, known_workflow
from translator.plan.model import WorkflowUuid

_DIGEST_LENGTH = 16


class Progress:
    """Opens streams of what one workflow is doing."""

    def __init__(self, *, store: Store, mirror: MirrorPort) -> None:
        self._store = store
        self._mirror = mirror

    def follow(self, id_or_uuid: str, last_event_id: str) -> Growing | None:
        """The stream from after `last_event_id` ("" from the start); None where its reader has seen the end.

        Errors: UnknownWorkflow.
        """
        with self._store.reading() as reads:
            record = known_workflow(reads, id_or_uuid)
        number, digest, at_end = _read_id(last_event_id)
        if at_end and record.sealed:
            return None
        return _Stream(self._store, self._mirror, record.uuid, number=number, digest=digest)


class _Stream:
    def __init__(self, store: Store, mirror: MirrorPort, uuid: WorkflowUuid, *, number: int, digest: str) -> None:
        self._store = store
        self._mirror = mirror
        self._uuid = uuid
        self._number = number
        self._digest = digest
        self._ended = False
        self._unlisten: Callable[[], None] | None = None

    def advance(self) -> bytes:
        if self._ended:
            return b""
        with self._store.reading() as reads:
            record = reads.workflow(self._uuid)
            groups = reads.groups(self._uuid)
            attempts = reads.attempts(self._uuid)
            events = reads.events(self._uuid, after=self._number)
        parts = [self._event(event) for event in events]
        if record is not None:
            snapshot = json.dumps(_snapshot(record, groups, attempts))
            digest = hashlib.sha256(snapshot.encode()).hexdigest()[:_DIGEST_LENGTH]
            if digest != self._digest:
                self._digest = digest
                parts.append(_message("status", snapshot, self._id()))
        if record is None or record.sealed:
            self._ended = True
            parts.append(_message("end", "{}", f"{self._id()}.end"))
        return "".join(parts).encode()

    @property
    def ended(self) -> bool:
        return self._ended

    def on_change(self, wake: Callable[[], None]) -> None:
        self._unlisten = self._mirror.listen(lambda _uuid: wake(), self._uuid)

    def close(self) -> None:
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None

    def _event(self, event: EventRecord) -> str:
        self._number = event.number
        body = {
            "at": event.at.isoformat(),
            "task": event.task,
            "retry_id": event.retry_id,
            "reason": event.reason,
            "message": event.message,
        }
        return _message("event", json.dumps(body), self._id())

    def _id(self) -> str:
        return f"{self._number}.{self._digest}"


def _read_id(text: str) -> tuple[int, str, bool]:
    """The parts of a message's id; the start where it is none of ours."""
    number, _, rest = text.partition(".")
    digest, _, end = rest.partition(".")
    if not (number.isascii() and number.isdigit() and int(number[:20]) <= MAX_INTEGER):
        return 0, "", False
    return int(number), digest, end == "end"


def _message(kind: str, data: str, message_id: str) -> str:
    return f"id: {message_id}\nevent: {kind}\ndata: {data}\n\n"


def _snapshot(
    record: WorkflowRecord, groups: tuple[GroupRecord, ...], attempts: tuple[TaskRecord, ...]
) -> dict[str, object]:
    by_group: dict[str, list[TaskRecord]] = defaultdict(list)
    for task in attempts:
        by_group[task.group].append(task)
    return {
        "name": record.workflow_id,
        "uuid": record.uuid,
        "status": record.status,
        "start_time": _iso(record.start_time),
        "end_time": _iso(record.end_time),
        "sealed": record.sealed,
        "groups": [
            {
                "name": group.name,
                "status": group.status,
                "start_time": _iso(group.start_time),
                "end_time": _iso(group.end_time),
                "tasks": [_task(task) for task in by_group[group.name]],
            }
            for group in groups
        ],
    }


def _task(task: TaskRecord) -> dict[str, object]:
    return {
        "name": task.name,
        "retry_id": task.retry_id,
        "status": task.status,
        "exit_code": task.exit_code,
        "start_time": _iso(task.start_time),
        "end_time": _iso(task.end_time),
        "lead": task.lead,
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
