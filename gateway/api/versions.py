"""What a client of another version is told: nothing, a warning beside the reply, or that it is too old.

Source: api.md §6.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.api.asgi import BAD_REQUEST, header, refuse

CLIENT_HEADER = "x-osmo-client-version"
_VERSION = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})(?:\.[0-9A-Za-z]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionPolicy:
    """What is expected of clients. Shape: `oldest` None refuses none; `install_url` "" gives no address."""

    newest: str
    oldest: str | None = None
    install_url: str = ""


class ClientVersions:
    """ASGI middleware that looks at `x-osmo-client-version`; a malformed one is ignored, `/client` is not checked.

    Shape: `policy` is asked at each request and must not block.
    """

    def __init__(self, app: ASGIApp, *, policy: Callable[[], VersionPolicy]) -> None:
        self._app = app
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with a warning in the reply where the client should be updated."""
        client = header(scope, CLIENT_HEADER) if scope["type"] == "http" else None
        if client is None or scope["path"].startswith("/client") or (version := _numbers(client)) is None:
            await self._app(scope, receive, send)
            return
        policy = self._policy()
        oldest, newest = _numbers(policy.oldest or ""), _numbers(policy.newest)
        if oldest is not None and version < oldest:
            await refuse(send, BAD_REQUEST, _too_old(client, policy), error_code="OSMO_ERROR")
        elif newest is not None and version < newest:
            await self._app(scope, receive, _warned(send, client, policy))
        else:
            await self._app(scope, receive, send)


def _numbers(text: str) -> tuple[int, ...] | None:
    found = _VERSION.fullmatch(text.strip())
    return tuple(int(part) for part in found.groups()) if found else None


def _warned(send: Send, client: str, policy: VersionPolicy) -> Send:
    text = f"WARNING: New client {policy.newest} available\nCurrent version: {client}{_how_to_update(policy)}"

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["x-osmo-service-version"] = policy.newest
            headers["x-osmo-warning"] = base64.b64encode(text.encode()).decode("ascii")
        await send(message)

    return with_headers


def _too_old(client: str, policy: VersionPolicy) -> str:
    return (
        f"Your client has version {client}, this service needs {policy.oldest} or newer. Please update the client."
        + _how_to_update(policy)
    )


def _how_to_update(policy: VersionPolicy) -> str:
    if not policy.install_url:
        return ""
    return f"\nPlease run the following command to update:\ncurl -fsSL {policy.install_url} | bash"
