"""One record and one measurement for each request, under an id that the caller may give."""

from __future__ import annotations

import re
import time
import uuid

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.api.asgi import header
from gateway.api.metrics import Metrics

REQUEST_ID = "x-request-id"
_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_LOG = structlog.stdlib.get_logger("gateway.requests")
_QUIET_ROUTES = frozenset({"/health", "/metrics"})
_UNMATCHED = "unmatched"


class Observed:
    """ASGI middleware that logs and counts HTTP requests."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; the id is sent back and stands in every record written meanwhile."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        start = time.perf_counter()
        status = 0
        first_byte = 0.0

        async def watched(message: Message) -> None:
            nonlocal status, first_byte
            if message["type"] == "http.response.start":
                status = message["status"]
                first_byte = time.perf_counter() - start
                message = {**message, "headers": [*message["headers"], (b"x-request-id", request_id.encode("ascii"))]}
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, watched)
            finally:
                self._record(scope, status, first_byte, time.perf_counter() - start)

    def _record(self, scope: Scope, status: int, first_byte: float, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", _UNMATCHED)
        self._metrics.observe(_method(scope), route, status, first_byte)
        write = _LOG.debug if route in _QUIET_ROUTES else _LOG.info
        write(
            "request",
            method=_method(scope),
            path=scope["path"],
            status=status or "closed",
            milliseconds=round(seconds * 1000, 1),
        )


def _request_id(scope: Scope) -> str:
    given = header(scope, REQUEST_ID) or ""
    return given if _ID.fullmatch(given) else uuid.uuid4().hex


def _method(scope: Scope) -> str:
    # Any token is a legal method; labels must stay few.
    method = str(scope["method"])
    return method if method in _METHODS else "OTHER"


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
