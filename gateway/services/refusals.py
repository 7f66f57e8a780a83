"""Records of refused submissions: which leave one, under which name, with which texts. Source: workflow-spec.md §1.2.

A mere validation leaves none (§10.16).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from gateway.ports.clock import Clock
from gateway.ports.records import DocumentKind, FailedSubmission
from gateway.ports.store import Store
from gateway.services.stored_spec import masked_spec, masked_text
from gateway.services.submission import Submission, SubmissionRefused
from translator.plan.model import WorkflowUuid
from translator.problems import SpecError
from translator.spec.model import WorkflowSpec
from translator.spec.names import is_name
from translator.spec.parse import render_only
from translator.spec.redaction import redacted_text
from translator.spec.templating import Renderer

# A record gets the name of its spec unless that is longer than any legal name by far.
_MAX_RECORDED_NAME = 256


class Refusals:
    """Turns errors into refusals, and writes the records that OSMO writes."""

    def __init__(self, *, store: Store, clock: Clock, renderer: Renderer) -> None:
        self._store = store
        self._clock = clock
        self._renderer = renderer

    def before_schema(self, submission: Submission, error: SpecError) -> SubmissionRefused:
        """The refusal of a spec that did not get past its schema."""
        name, text = self._what_can_be_said(submission)
        documents = {DocumentKind.TEMPLATE: redacted_text(_original(submission))}
        if text is not None:
            documents[DocumentKind.SPEC] = redacted_text(text)
        return self._refused(submission, error, name=name, labels={}, documents=documents)

    def after_schema(self, submission: Submission, error: SpecError, spec: WorkflowSpec) -> SubmissionRefused:
        """The refusal of a spec that follows the schema and breaks another rule."""
        documents = {DocumentKind.SPEC: masked_spec(spec)}
        if submission.template is not None:
            documents[DocumentKind.TEMPLATE] = masked_text(submission.template, spec)
        return self._refused(submission, error, name=spec.name, labels=spec.labels, documents=documents)

    def _what_can_be_said(self, submission: Submission) -> tuple[str | None, str | None]:
        """Name and expanded text of a spec that breaks the schema, as far as there are any."""
        try:
            rendered = render_only(submission.as_template, values=submission.values, renderer=self._renderer)
        except SpecError:
            return None, None
        return rendered.name if is_name(rendered.name) else None, rendered.text

    def _refused(
        self,
        submission: Submission,
        error: SpecError,
        *,
        name: str | None,
        labels: Mapping[str, str],
        documents: Mapping[DocumentKind, str],
    ) -> SubmissionRefused:
        if error.records_submission and not submission.validation_only:
            self._record(submission, error, name=name, labels=labels, documents=documents)
        return SubmissionRefused(error, workflow_id=name)

    def _record(
        self,
        submission: Submission,
        error: SpecError,
        *,
        name: str | None,
        labels: Mapping[str, str],
        documents: Mapping[DocumentKind, str],
    ) -> None:
        new_uuid = WorkflowUuid(uuid.uuid4().hex)
        recorded_name = name if name is not None and len(name) <= _MAX_RECORDED_NAME else f"failed-{new_uuid}"
        pool = submission.config.pools.get(submission.pool)
        with self._store.writing() as writes:
            writes.insert_failed_submission(
                FailedSubmission(
                    uuid=new_uuid,
                    name=recorded_name,
                    number=writes.reserve_number(recorded_name),
                    submitted_by=submission.caller.user,
                    pool=submission.pool,
                    backend=pool.backend if pool is not None else None,
                    submit_time=self._clock.now(),
                    message=error.message,
                    priority=submission.priority,
                    labels=labels,
                    documents=documents,
                    parent=submission.parent,
                    app=submission.app,
                )
            )


def _original(submission: Submission) -> str:
    return submission.template or submission.source.decode("utf-8", "replace")
