"""Submitting and restarting workflows. Source: api.md §2.7.

The routes are coroutines that hand the work itself to a thread: what plain functions return FastAPI hands to a second
one, to look at its types, and for a small answer that takes longer than the looking.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.concurrency import run_in_threadpool

from gateway.api.declared import REFUSALS, action
from gateway.api.deps import CallerOf, LinksOf, ServicesOf
from gateway.schemas.errors import ErrorEnvelope
from gateway.schemas.submit import SubmitResponse, TemplateSpec
from gateway.services.restart import RestartRequest
from gateway.services.submit import SubmitRequest
from translator.plan.model import Priority

router = APIRouter(
    tags=["Pool API"],
    responses=REFUSALS
    | {409: {"model": ErrorEnvelope, "description": "The idempotency key was used for another request"}},
)

_KEY = "Repeating a request with the same key gives the first reply and creates nothing."
IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255, description=_KEY)]
EnvVars = Annotated[list[str], Query(description="`K=V`, put into every task's environment.")]
Labels = Annotated[list[str], Query(description="`key=value`, over the spec's labels.")]


@router.post("/api/pool/{pool_name}/workflow", openapi_extra=action("workflow:Create"))
async def submit_workflow(
    services: ServicesOf,
    caller: CallerOf,
    links: LinksOf,
    pool_name: str,
    body: TemplateSpec | None = None,
    workflow_id: str | None = None,
    app_uuid: str | None = None,
    app_version: int | None = None,
    dry_run: bool = False,
    validation_only: bool = False,
    priority: Priority = Priority.NORMAL,
    env_vars: EnvVars = [],  # noqa: B006 - FastAPI copies defaults
    label: Labels = [],  # noqa: B006
    idempotency_key: IdempotencyKey = None,
) -> SubmitResponse:
    """Submit a workflow, or say what would become of it."""
    request = SubmitRequest(
        pool=pool_name,
        body=body,
        workflow_id=workflow_id,
        app_uuid=app_uuid,
        app_version=app_version,
        dry_run=dry_run,
        validation_only=validation_only,
        priority=priority,
        env_vars=tuple(env_vars),
        labels=tuple(label),
        idempotency_key=idempotency_key,
    )
    return await run_in_threadpool(services.submit.submit, caller, request, links)


@router.post("/api/pool/{pool_name}/workflow/{workflow_id}/restart", openapi_extra=action("workflow:Create"))
async def restart_workflow(
    services: ServicesOf,
    caller: CallerOf,
    links: LinksOf,
    pool_name: str,
    workflow_id: str,
    idempotency_key: IdempotencyKey = None,
) -> SubmitResponse:
    """Run the failed groups of a workflow again, as a new workflow."""
    request = RestartRequest(pool=pool_name, workflow_id=workflow_id, idempotency_key=idempotency_key)
    return await run_in_threadpool(services.restart.restart, caller, request, links)
