"""Logs, events, error logs, spec: raw text. Source: api.md §2.9."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from starlette.responses import StreamingResponse

from gateway.api.declared import LOGS, TEXT, action
from gateway.api.deps import Context, ContextOf, LinksOf, ServicesOf
from gateway.services.growing import Growing
from gateway.services.logs import LogRequest

router = APIRouter(tags=["Workflow API"], responses=TEXT)

# OSMO says us-ascii, although the bytes are UTF-8, and clients decode UTF-8; nosniff keeps browsers from running logs.
STREAM_TYPE = "text/plain; charset=us-ascii"
STREAM_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}

LastLines = Annotated[int | None, Query(description="Only so many of the lines so far; new ones still follow.")]
TaskName = Annotated[str | None, Query(description="Only lines of this task.")]
RetryId = Annotated[int | None, Query(description="Which attempt of the task; the latest where none is given.")]
Expression = Annotated[str | None, Query(description="Only lines that match this regular expression.")]


@router.get(
    "/api/workflow/{name}/logs",
    response_class=StreamingResponse,
    responses=LOGS,
    openapi_extra=action("workflow:Read"),
)
def get_logs(
    services: ServicesOf,
    context: ContextOf,
    links: LinksOf,
    name: str,
    last_n_lines: LastLines = None,
    task_name: TaskName = None,
    retry_id: RetryId = None,
    query: Expression = None,
) -> StreamingResponse:
    """The log, followed while the workflow runs."""
    request = LogRequest(task_name=task_name, retry_id=retry_id, last_n_lines=last_n_lines, query=query)
    return _followed(context, services.logs.follow(name, request, links))


@router.get("/api/workflow/{name}/events", response_class=StreamingResponse, openapi_extra=action("workflow:Read"))
def get_events(
    services: ServicesOf, context: ContextOf, name: str, task_name: TaskName = None, retry_id: RetryId = None
) -> StreamingResponse:
    """What the backend reported of the tasks, followed while the workflow runs."""
    return _followed(context, services.events.follow(name, task_name=task_name, retry_id=retry_id))


@router.get(
    "/api/workflow/{name}/error_logs",
    response_class=Response,
    responses=LOGS,
    openapi_extra=action("workflow:Read"),
)
def get_error_logs(
    services: ServicesOf,
    links: LinksOf,
    name: str,
    last_n_lines: LastLines = None,
    task_name: TaskName = None,
    retry_id: RetryId = None,
    query: Expression = None,
) -> Response:
    """The last lines of a failed attempt; without a task, where to find them."""
    request = LogRequest(task_name=task_name, retry_id=retry_id, last_n_lines=last_n_lines, query=query)
    text = services.logs.error_log(name, request, links)
    return Response(text.encode("utf-8", "replace"), media_type=STREAM_TYPE, headers=STREAM_HEADERS)


@router.get("/api/workflow/{name}/spec", response_class=Response, openapi_extra=action("workflow:Read"))
def get_spec(services: ServicesOf, name: str, use_template: bool = False) -> Response:
    """The expanded spec, or the text as the user wrote it."""
    text = services.documents.spec(name, use_template=use_template)
    return Response(text.encode("utf-8", "replace"), media_type="text/plain; charset=utf-8")


def _followed(context: Context, source: Growing) -> StreamingResponse:
    body = context.streams.pump(source, idle_seconds=context.settings.follow_idle_seconds)
    return StreamingResponse(body, media_type=STREAM_TYPE, headers=STREAM_HEADERS)
