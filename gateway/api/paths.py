"""One spelling for every path: runs of slashes and a slash at the end are dropped before routing.

OSMO's client joins `<url>/` and `/api/pool_quota` (api.md §1.1). A slash written as `%2F` is refused, because it would
be taken for a separator; a NUL character is refused, because no name has one and databases choke on it.
"""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.api.asgi import BAD_REQUEST, refuse

_SLASHES = re.compile(r"/{2,}")
_ENCODED_NUL = b"%00"
_ENCODED_SLASH = b"%2f"


class OneSpelling:
    """ASGI middleware that rewrites the path of HTTP requests and WebSockets."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its path in one spelling, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        if scope["type"] == "http" and (message := _fault(scope)) is not None:
            await refuse(send, BAD_REQUEST, message)
            return
        path = one_spelling(scope["path"])
        raw = scope.get("raw_path") or b""
        await self._app({**scope, "path": path, "raw_path": _raw_spelling(raw)}, receive, send)


def one_spelling(path: str) -> str:
    """The path without empty segments and without a slash at its end; the root stays `/`."""
    return _SLASHES.sub("/", path).rstrip("/") or "/"


def _raw_spelling(raw: bytes) -> bytes:
    return one_spelling(raw.decode("latin-1")).encode("latin-1")


def _fault(scope: Scope) -> str | None:
    raw = (scope.get("raw_path") or b"").split(b"?", 1)[0].lower()
    if _ENCODED_SLASH in raw:
        return "The path holds an encoded slash (%2F); names cannot contain slashes."
    if _ENCODED_NUL in raw or _ENCODED_NUL in scope.get("query_string", b""):
        return "The request holds a NUL character (%00); remove it."
    return None
