"""The passports of tasks' outputs: which files went where, with their sums, as the tasks' side wrote them down."""

from __future__ import annotations

from collections.abc import Callable

from gateway.ports.store import Store
from gateway.services.errors import NotThere, Refusal
from gateway.services.intermediate import IntermediateData
from gateway.services.lookup import MAX_INTEGER, known_workflow
from gateway.services.tasks import unknown_task
from pools.model import Config
from runtime.passport import OURS, fetch_passport, read_passport
from storage.faults import StoreError


class Passports:
    """Reads them from where intermediate data is."""

    def __init__(self, *, store: Store, config: Callable[[], Config], data: IntermediateData) -> None:
        self._store = store
        self._config = config
        self._data = data

    def of(self, id_or_uuid: str, task: str, retry_id: int | None = None) -> bytes:
        """The document of an attempt, of the latest that uploaded anything where None is asked for.

        Errors: UnknownWorkflow; NotThere where there is none; Refusal where the store cannot be read.
        """
        if retry_id is not None and retry_id > MAX_INTEGER:
            raise NotThere(f"Expected the number of an attempt, got {retry_id}.")
        with self._store.reading() as reads:
            record = known_workflow(reads, id_or_uuid)
            attempt = reads.attempt(record.uuid, task, retry_id)
        if attempt is None:
            raise unknown_task(record, task)
        location = self._data.location(self._config().backends.get(record.backend or ""))
        if location is None:
            raise NotThere(
                f"No place for intermediate data is configured for backend {record.backend}, where passports are kept. "
                "Set `workflow.workflow_data.credential`.",
                workflow_id=record.workflow_id,
            )
        try:
            below = location.below(record.workflow_id, OURS, "passports", task)
            document = fetch_passport(self._data.stores(), below, retry_id)
            if document is not None and read_passport(document).workflow_uuid == record.uuid:
                return document
        except StoreError as error:
            raise Refusal(f"The passport cannot be read: {error}", workflow_id=record.workflow_id) from error
        which = f"attempt {retry_id} of task {task}" if retry_id is not None else f"task {task}"
        raise NotThere(
            f"There is no passport for {which}: it uploaded nothing, or the data of {record.workflow_id} was removed.",
            workflow_id=record.workflow_id,
        )
