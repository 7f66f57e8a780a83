"""The spec of a workflow as text. Source: api.md §2.9."""

from __future__ import annotations

from gateway.ports.records import DocumentKind
from gateway.ports.store import Store
from gateway.services.errors import UnknownWorkflow
from gateway.services.lookup import known_workflow


class Documents:
    """Answers with texts that were stored at submission, secrets already masked."""

    def __init__(self, *, store: Store) -> None:
        self._store = store

    def spec(self, id_or_uuid: str, *, use_template: bool) -> str:
        """The expanded spec, or the text as the user wrote it where it was a template.

        Errors: UnknownWorkflow, also for a submission that was refused before its spec could be kept.
        """
        with self._store.reading() as reads:
            record = known_workflow(reads, id_or_uuid)
            template = reads.document(record.uuid, DocumentKind.TEMPLATE) if use_template else None
            text = template if template is not None else reads.document(record.uuid, DocumentKind.SPEC)
        if text is None:
            raise UnknownWorkflow(
                f"No spec is stored for workflow {record.workflow_id}.", workflow_id=record.workflow_id
            )
        return text

    def receipt(self, id_or_uuid: str) -> str:
        """What each field of the spec was turned into, as JSON text; an empty list where nothing was translated.

        Errors: UnknownWorkflow.
        """
        with self._store.reading() as reads:
            record = known_workflow(reads, id_or_uuid)
            return reads.document(record.uuid, DocumentKind.RECEIPT) or "[]"
