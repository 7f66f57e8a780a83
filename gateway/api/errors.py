"""The one table that turns errors into a status and a body. Source: api.md §1.5.

A fault of the caller gives OSMO's envelope, with our list of problems beside it where a spec was refused. A fault of
ours gives 500 with a sentence and no `error_code`, and is never caused by what a user sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.ports import faults
from gateway.ports.vault import SealBroken
from gateway.services import errors
from gateway.services.submission import SubmissionRefused
from translator.problems import ErrorCode, Problem, SpecError

_LOG = structlog.stdlib.get_logger(__name__)

# The first entry that the error is an instance of decides; subclasses stand before `Refusal`.
STATUS: Mapping[type[Exception], int] = {
    errors.UnknownWorkflow: 400,
    errors.Forbidden: 403,
    errors.NotThere: 404,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.TooEarly: 425,
    errors.Refusal: 400,
    SubmissionRefused: 400,
    SpecError: 400,
    faults.KeyConflict: 409,
    faults.StoreUnavailable: 503,
    faults.LogUnreachable: 503,
    SealBroken: 500,
}


class JsonText(Response):
    """JSON in ASCII: what a caller sent may hold lone surrogates, which UTF-8 cannot carry."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The content as JSON."""
        return json.dumps(content, separators=(",", ":")).encode("ascii")


class ServerFaults:
    """ASGI middleware that answers 500 where an error escaped, and logs it once."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            if scope["type"] != "http":
                raise
            _LOG.error("request failed", path=scope["path"], exc_info=error)
            if not started:
                body = {"message": f"Internal server error: {type(error).__name__}, see the log of the gateway"}
                await JsonText(body, status_code=500)(scope, receive, send)


def install(app: FastAPI) -> None:
    """Let the application answer with these shapes."""
    for error_type in STATUS:
        app.add_exception_handler(error_type, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)


def status_of(error: Exception) -> int:
    """The HTTP status for one of our errors."""
    return next(status for kind, status in STATUS.items() if isinstance(error, kind))


def envelope(error: Exception) -> dict[str, object]:
    """The body for one of our errors."""
    match error:
        case SubmissionRefused():
            return _spec_envelope(error.error, error.workflow_id)
        case SpecError():
            return _spec_envelope(error, None)
        case errors.Refusal():
            return _envelope(error.message, error.error_code, error.workflow_id)
        case faults.KeyConflict():
            return _envelope(str(error), ErrorCode.USER, None)
        case _:
            return {"message": str(error)}


async def _refused(_request: Request, error: Exception) -> Response:
    return JsonText(envelope(error), status_code=status_of(error))


async def _malformed(_request: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    # The offending input is left out: it may be a secret, and it may be anything at all.
    detail = [{"loc": list(fault["loc"]), "msg": str(fault["msg"]), "type": str(fault["type"])} for fault in faults]
    return JsonText({"detail": detail}, status_code=422)


async def _http(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    phrase = HTTPStatus(error.status_code).phrase
    text = error.detail if isinstance(error.detail, str) else phrase
    body = _envelope(text, ErrorCode.USER, None)
    return JsonText({**body, "detail": text}, status_code=error.status_code, headers=error.headers)


def _spec_envelope(error: SpecError, workflow_id: str | None) -> dict[str, object]:
    body = _envelope(error.message, error.error_code, workflow_id)
    return {**body, "problems": [_problem(problem) for problem in error.problems]}


def _envelope(message: str, error_code: ErrorCode, workflow_id: str | None) -> dict[str, object]:
    return {"message": message, "error_code": error_code.value, "workflow_id": workflow_id}


def _problem(problem: Problem) -> dict[str, object]:
    return {
        "code": problem.code,
        "message": problem.message,
        "path": problem.path,
        "line": problem.line,
        "column": problem.column,
        "severity": problem.severity.value,
    }
