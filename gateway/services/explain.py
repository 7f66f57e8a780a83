"""What a workflow's cluster shows of it: why tasks do not run, and where to look in Argo's own pages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from gateway.ports.records import EventRecord, TaskRecord, WorkflowRecord
from gateway.ports.store import Store
from gateway.schemas.explain import TaskExplained, WaitingEntry, WorkflowExplained
from gateway.services.lookup import known_workflow
from gateway.services.waiting import Waiting, waiting_of
from pools.backend import Backend
from pools.model import Config
from translator.argo.places import ArgoPlace, pod_place, run_place

_EVENTS = 20_000


class Explain:
    """Answers why a workflow is where it is."""

    def __init__(self, *, store: Store, config: Callable[[], Config]) -> None:
        self._store = store
        self._config = config

    def of(self, id_or_uuid: str) -> WorkflowExplained:
        """The workflow with the latest attempt of each task. Errors: UnknownWorkflow."""
        with self._store.reading() as reads:
            record = known_workflow(reads, id_or_uuid)
            groups = {group.name: group for group in reads.groups(record.uuid)}
            attempts = reads.attempts(record.uuid)
            events = reads.events(record.uuid, last=_EVENTS) if any(not one.status.finished for one in attempts) else ()
        by_attempt: dict[tuple[str, int], list[EventRecord]] = defaultdict(list)
        for event in events:
            by_attempt[event.task, event.retry_id].append(event)
        pages = _Pages(record, self._config().backends.get(record.backend or ""))
        return WorkflowExplained(
            name=record.workflow_id,
            status=record.status,
            argo_url=pages.of_run(),
            tasks=[
                TaskExplained(
                    name=task.name,
                    group=task.group,
                    retry_id=task.retry_id,
                    status=task.status,
                    waiting=_entry(waiting_of(task, groups[task.group], by_attempt[task.name, task.retry_id])),
                    pod_name=task.pod_name,
                    node_name=task.node_name,
                    argo_url=pages.of_task(task),
                )
                for task in attempts
            ],
        )


class _Pages:
    """Links into Argo's UI, as long as the run's Workflow exists."""

    def __init__(self, record: WorkflowRecord, backend: Backend | None) -> None:
        self._record = record
        self._backend = backend if backend is not None and backend.argo_ui_url and not record.sealed else None

    def of_run(self) -> str | None:
        if self._backend is None:
            return None
        return self._link(run_place(self._backend.namespace, self._record.workflow_id, self._record.uuid))

    def of_task(self, task: TaskRecord) -> str | None:
        if self._backend is None or not task.pod_name:
            return None
        namespace = self._backend.namespace
        return self._link(pod_place(namespace, self._record.workflow_id, self._record.uuid, task.pod_name))

    def _link(self, place: ArgoPlace | None) -> str | None:
        if place is None or self._backend is None:
            return None
        return self._backend.argo_ui_url.rstrip("/") + place.path


def _entry(waiting: Waiting | None) -> WaitingEntry | None:
    if waiting is None:
        return None
    return WaitingEntry(kind=waiting.kind.value, message=waiting.message, since=waiting.since)
