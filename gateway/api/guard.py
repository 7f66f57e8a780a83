"""What keeps web pages away from a gateway on loopback that asks nobody who he is.

A page may make the browser send requests here: under a host name of its own that resolves to 127.0.0.1 (DNS
rebinding), or across sites. The first carries a foreign `Host`, the second a foreign `Origin` or `Sec-Fetch-Site`.
Programs send neither, so nothing changes for them.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.api.asgi import FORBIDDEN, header, refuse
from gateway.settings import is_loopback

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_POLICY_VIOLATION = 1008


class LoopbackGuard:
    """ASGI middleware that lets through what comes from this machine's own pages and programs.

    Shape: `allowed_hosts` are further host names (without port) that are taken for this machine's own.
    """

    def __init__(self, app: ASGIApp, *, allowed_hosts: tuple[str, ...] = ()) -> None:
        self._app = app
        self._allowed = frozenset(name.lower() for name in allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403 with what to do."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        message = self._fault(scope)
        if message is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": "foreign host or origin"})
        else:
            await refuse(send, FORBIDDEN, message)

    def _fault(self, scope: Scope) -> str | None:
        host = header(scope, "host") or ""
        if not self._is_own(host_name(host)):
            return (
                f"Host {host!r} is not a name of this machine. Use http://127.0.0.1 or http://localhost, or list the "
                "name in ARGOSMO_ALLOWED_HOSTS."
            )
        if scope["type"] == "http" and scope["method"] in _SAFE_METHODS:
            return None
        origin = header(scope, "origin")
        if origin is not None and not self._is_own(_origin_name(origin)):
            return f"A page of {origin!r} may not change anything here; ARGOSMO_ALLOWED_HOSTS lists the hosts that may."
        if origin is None and header(scope, "sec-fetch-site") == "cross-site":
            return "A page of another site may not change anything here."
        return None

    def _is_own(self, name: str) -> bool:
        return name in self._allowed or is_loopback(name)


def host_name(authority: str) -> str:
    """The name in `name:port`, `[::1]:port` or `name`, in lower case."""
    text = authority.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]


def _origin_name(origin: str) -> str:
    try:
        return urlsplit(origin).hostname or ""
    except ValueError:
        return ""
