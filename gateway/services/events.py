"""Events of workflows as text. Source: api.md §2.9."""

from __future__ import annotations

from collections.abc import Callable

from gateway.ports.log_format import event_text
from gateway.ports.mirror import MirrorPort
from gateway.ports.records import WorkflowRecord
from gateway.ports.store import Store
from gateway.services.growing import Growing
from gateway.services.lookup import MAX_INTEGER, known_workflow
from gateway.services.tasks import unknown_task


class WorkflowEvents:
    """Answers with what backends reported of tasks."""

    def __init__(self, *, store: Store, mirror: MirrorPort) -> None:
        self._store = store
        self._mirror = mirror

    def follow(self, id_or_uuid: str, *, task_name: str | None, retry_id: int | None) -> Growing:
        """Everything so far, then new events until the workflow is sealed; without `retry_id`, of all attempts.

        Errors: UnknownWorkflow, also for a task or attempt.
        """
        with self._store.reading() as reads:
            record = known_workflow(reads, id_or_uuid)
            if task_name:
                possible = retry_id is None or 0 <= retry_id <= MAX_INTEGER
                if not possible or reads.attempt(record.uuid, task_name, retry_id) is None:
                    raise unknown_task(record, task_name, retry_id)
        return _FollowedEvents(
            self._store, self._mirror, record, task_name=task_name or None, retry_id=retry_id if task_name else None
        )


class _FollowedEvents:
    def __init__(
        self,
        store: Store,
        mirror: MirrorPort,
        record: WorkflowRecord,
        *,
        task_name: str | None,
        retry_id: int | None,
    ) -> None:
        self._store = store
        self._mirror = mirror
        self._record = record
        self._task_name = task_name
        self._retry_id = retry_id
        self._last = 0
        self._ended = False
        self._unlisten: Callable[[], None] | None = None

    def advance(self) -> bytes:
        with self._store.reading() as reads:
            # One session sees one state: no event can come after the seal that it shows.
            sealed = reads.sealed(self._record.uuid)
            found = reads.events(self._record.uuid, task=self._task_name, retry_id=self._retry_id, after=self._last)
        self._ended = sealed
        if found:
            self._last = found[-1].number
        return "".join(f"{event_text(event)}\n" for event in found).encode("utf-8", "replace")

    @property
    def ended(self) -> bool:
        return self._ended

    def on_change(self, wake: Callable[[], None]) -> None:
        self._unlisten = self._mirror.listen(lambda _uuid: wake(), self._record.uuid)

    def close(self) -> None:
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None
