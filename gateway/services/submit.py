"""Submitting a workflow: the order of checks, first failure decides. Source: api.md §2.7, workflow-spec.md §1.2."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.ports.records import AppRef, WorkflowRecord
from gateway.ports.store import Store
from gateway.schemas.submit import SubmitResponse, TemplateSpec
from gateway.services.acceptance import Acceptance
from gateway.services.errors import Refusal
from gateway.services.identity import Caller
from gateway.services.links import Links
from gateway.services.lookup import MAX_INTEGER, known_workflow
from gateway.services.stored_spec import mask_warnings, parent_of, stored_spec
from gateway.services.submission import Contexts, IdempotencyKey, Submission
from pools.model import Config
from translator.plan.context import PlanContext
from translator.plan.model import Priority
from translator.problems import ErrorCode
from translator.spec.values import Values


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitRequest:
    """One request. Shape: `env_vars` and `labels` are `key=value` texts; None: not given."""

    pool: str
    body: TemplateSpec | None = None
    workflow_id: str | None = None
    app_uuid: str | None = None
    app_version: int | None = None
    dry_run: bool = False
    validation_only: bool = False
    priority: Priority = Priority.NORMAL
    env_vars: tuple[str, ...] = field(default=())
    labels: tuple[str, ...] = field(default=())
    idempotency_key: str | None = None


class Submit:
    """Takes specs from users."""

    def __init__(self, *, store: Store, config: Callable[[], Config], acceptance: Acceptance) -> None:
        self._store = store
        self._config = config
        self._acceptance = acceptance

    def submit(self, caller: Caller, request: SubmitRequest, links: Links) -> SubmitResponse:
        """What became of the spec: a workflow, a validation, or an expanded text.

        Errors: Refusal, UnknownWorkflow, SubmissionRefused, KeyConflict.
        """
        if request.body is not None and request.workflow_id is not None:
            raise Refusal(
                "Need to provide either file contents or workflow ID, but not both.", error_code=ErrorCode.USAGE
            )
        if request.body is not None:
            submission = self._from_body(caller, request, request.body)
        elif request.workflow_id is not None:
            submission = self._from_workflow(caller, request, request.workflow_id)
        else:
            raise Refusal("Need to provide either file contents or workflow ID.", error_code=ErrorCode.USAGE)
        check_pool(submission.config, request.pool)
        if request.dry_run:
            return self._acceptance.dry_run(submission)
        return self._acceptance.accept(submission, links, _unchanged)

    def _from_body(self, caller: Caller, request: SubmitRequest, body: TemplateSpec) -> Submission:
        values = Values(
            variables=tuple(body.set_variables),
            string_variables=tuple(body.set_string_variables),
            environment=request.env_vars,
            labels=request.labels,
        )
        return self._submission(
            caller, request, body.file.encode("utf-8"), values, template=body.uploaded_templated_spec
        )

    def _from_workflow(self, caller: Caller, request: SubmitRequest, workflow_id: str) -> Submission:
        with self._store.reading() as reads:
            record = known_workflow(reads, workflow_id)
            text = stored_spec(reads, record)
        values = Values(environment=request.env_vars, labels=request.labels, stored_labels=dict(record.labels))
        return self._submission(
            caller, request, text.encode(), values, earlier=record, warnings=mask_warnings(record, text)
        )

    def _submission(
        self,
        caller: Caller,
        request: SubmitRequest,
        source: bytes,
        values: Values,
        *,
        template: str | None = None,
        earlier: WorkflowRecord | None = None,
        warnings: tuple[str, ...] = (),
    ) -> Submission:
        return Submission(
            source=source,
            is_rendered=earlier is not None,
            caller=caller,
            pool=request.pool,
            config=self._config(),
            values=values,
            priority=request.priority,
            template=template,
            parent=None if earlier is None else parent_of(earlier),
            app=_app(request),
            key=idempotency_key(request.idempotency_key, _asked(request)),
            validation_only=request.validation_only,
            warnings=warnings,
        )


def check_pool(config: Config, pool: str) -> None:
    """Return if the pool exists. Errors: Refusal."""
    if pool not in config.pools:
        raise Refusal(f"Pool {pool} not found.")


def idempotency_key(text: str | None, asked: object) -> IdempotencyKey | None:
    """The key of a request. Shape: `asked` is everything that the request says, as plain values."""
    if text is None:
        return None
    canonical = json.dumps(asked, sort_keys=True).encode()
    return IdempotencyKey(text=text, digest=hashlib.sha256(canonical).digest())


def _unchanged(context: PlanContext) -> Contexts:
    return Contexts(judged=context, resolved=context)


def _app(request: SubmitRequest) -> AppRef | None:
    if request.app_uuid is None and request.app_version is None:
        return None
    if request.app_uuid is None or request.app_version is None or not 0 < request.app_version <= MAX_INTEGER:
        raise Refusal(
            "app_uuid and app_version go together: give both, the version as a number from 1 on.",
            error_code=ErrorCode.USAGE,
        )
    return AppRef(uuid=request.app_uuid, version=request.app_version, owner="", name="")


def _asked(request: SubmitRequest) -> object:
    return {
        "pool": request.pool,
        "body": request.body.model_dump() if request.body is not None else None,
        "workflow_id": request.workflow_id,
        "app": [request.app_uuid, request.app_version],
        "priority": request.priority.value,
        "env_vars": request.env_vars,
        "labels": request.labels,
    }
