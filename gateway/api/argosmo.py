"""What OSMO has nothing for: live progress, receipts, the state of the configuration."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from starlette.responses import StreamingResponse

from gateway.api.declared import PASSPORT, REFUSALS, action
from gateway.api.deps import ContextOf, ServicesOf
from gateway.schemas.config import ConfigProblemEntry, ConfigStatus
from gateway.schemas.explain import WorkflowExplained
from pools.model import ConfigProblem

router = APIRouter(prefix="/api/argosmo/v1", tags=["argosmo"], responses=REFUSALS)

RetryId = Annotated[int | None, Query(ge=0, description="The attempt; without it the latest that uploaded anything.")]
_HEARTBEAT = b": heartbeat\n\n"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"}
LastEventId = Annotated[
    str, Header(alias="Last-Event-ID", max_length=100, description="The last message seen; only later ones are sent.")
]


@router.get("/workflow/{name}/events/stream", response_class=StreamingResponse, openapi_extra=action("workflow:Read"))
def stream_progress(services: ServicesOf, context: ContextOf, name: str, last_event_id: LastEventId = "") -> Response:
    """Statuses and events of a workflow as server-sent events; 204 where the reader has seen the end."""
    source = services.progress.follow(name, last_event_id)
    if source is None:
        # The one reply that keeps browsers from connecting again.
        return Response(status_code=204)
    body = context.streams.pump(source, heartbeat=(context.settings.heartbeat_seconds, _HEARTBEAT))
    return StreamingResponse(body, media_type="text/event-stream", headers=_HEADERS)


@router.get("/workflow/{name}/receipt", response_class=Response, openapi_extra=action("workflow:Read"))
def get_receipt(services: ServicesOf, name: str) -> Response:
    """What each field of the spec was turned into, as a JSON list."""
    return Response(services.documents.receipt(name), media_type="application/json")


@router.get(
    "/workflow/{name}/task/{task}/passport",
    response_class=Response,
    responses=PASSPORT,
    openapi_extra=action("workflow:Read"),
)
def get_passport(services: ServicesOf, name: str, task: str, retry_id: RetryId = None) -> Response:
    """Which files an attempt of a task uploaded where, with sizes and SHA-256, by which image."""
    return Response(services.passports.of(name, task, retry_id), media_type="application/json")


@router.get("/workflow/{name}/explain", openapi_extra=action("workflow:Read"))
def explain_workflow(services: ServicesOf, name: str) -> WorkflowExplained:
    """Why tasks of a workflow do not run yet, and where Argo's own UI shows them."""
    return services.explain.of(name)


@router.get("/config/status", openapi_extra=action("config:Read"))
def config_status(services: ServicesOf) -> ConfigStatus:
    """Whether the configuration files are in use as they are, and what is wrong with them."""
    state = services.config.state()
    return ConfigStatus(
        in_use=not state.problems,
        problems=[_entry(problem) for problem in state.problems or state.config.warnings],
    )


def _entry(problem: ConfigProblem) -> ConfigProblemEntry:
    return ConfigProblemEntry(
        message=problem.message,
        path=problem.path,
        file=problem.file,
        line=problem.line,
        column=problem.column,
        severity=problem.severity.value,
    )
