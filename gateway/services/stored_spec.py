"""The spec that is kept with a workflow: as it is stored, and read back to be submitted again.

Source: api.md §2.7, workflow-spec.md §3.6, §5.9.
"""

from __future__ import annotations

from gateway.ports.records import DocumentKind, Parent, WorkflowRecord
from gateway.ports.store import Reads
from gateway.services.errors import Refusal
from translator.problems import ErrorCode
from translator.spec.dump import stored_document, yaml_text
from translator.spec.model import WorkflowSpec
from translator.spec.redaction import MASK, credential_names, redacted, redacted_text


def stored_spec(reads: Reads, record: WorkflowRecord) -> str:
    """The expanded spec that was stored with a workflow.

    Errors: Refusal (SUBMISSION) for a submission that was refused before there was one.
    """
    text = reads.document(record.uuid, DocumentKind.SPEC)
    if text is None:
        raise Refusal(
            f"Workflow {record.workflow_id} has no stored spec to submit again; submit its file.",
            error_code=ErrorCode.SUBMISSION,
            workflow_id=record.workflow_id,
        )
    return text


def mask_warnings(record: WorkflowRecord, text: str) -> tuple[str, ...]:
    """What to say where secrets were masked in the stored spec, and so are missing in the new workflow."""
    if MASK not in text:
        return ()
    return (
        f"The stored spec of {record.workflow_id} has secrets masked as {MASK}; the new workflow gets the masks. "
        "Submit the file again, or keep secrets in credentials.",
    )


def parent_of(record: WorkflowRecord) -> Parent:
    """The record as parent of a new workflow."""
    return Parent(name=record.name, number=record.number)


def masked_spec(spec: WorkflowSpec) -> str:
    """The spec as it is stored: expanded, always with groups, secrets masked."""
    return yaml_text(redacted(stored_document(spec), _credential_names(spec)))


def masked_text(text: str, spec: WorkflowSpec) -> str:
    """A text that the user wrote, secrets masked; names that the spec's credentials use are none."""
    return redacted_text(text, _credential_names(spec))


def _credential_names(spec: WorkflowSpec) -> frozenset[str]:
    return credential_names(iter([{"credentials": task.credentials} for task in spec.all_tasks()]))
