"""A small client of the Kubernetes API: JSON in, bytes out, errors sorted by what to do next.

Safe from any thread. Requests that may be repeated are repeated by the caller's `Patience`, not here.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import msgspec

from gateway.runners.argo.access import Server
from gateway.runners.argo.faults import (
    AccessError,
    ClusterError,
    Conflict,
    Expired,
    NotThere,
    Refused,
    Stalled,
    TryAgain,
)

MERGE_PATCH = "application/merge-patch+json"

_CONNECT_SECONDS = 10.0
REQUEST_SECONDS = 60.0
_MAX_MESSAGE = 2000

Parameters = Mapping[str, str | int | bool]


class _Status(msgspec.Struct, frozen=True):
    message: str | None = None
    reason: str | None = None


class Stream:
    """An answer that is read while it grows. `cancel` makes a reader in another thread stop."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self.status = response.status_code

    def chunks(self) -> Iterator[bytes]:
        """The bytes as they come. Errors: Stalled where nothing came for too long; TryAgain where it broke."""
        try:
            yield from self._response.iter_bytes()
        except httpx.ReadTimeout as error:
            raise Stalled("The stream was silent for too long.") from error
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            raise TryAgain(f"The stream broke: {type(error).__name__}.") from error

    def cancel(self) -> None:
        """End the stream: the reader gets its end or an error at once. Safe to repeat."""
        network = self._response.extensions.get("network_stream")
        raw = network.get_extra_info("socket") if network is not None else None
        if isinstance(raw, socket.socket):
            # Closing would not wake a thread that waits for bytes.
            with contextlib.suppress(OSError):
                raw.shutdown(socket.SHUT_RDWR)


class KubeClient:
    """Speaks to one API server. Call `close` at the end."""

    def __init__(self, server: Server, *, max_connections: int = 20, request_seconds: float = REQUEST_SECONDS) -> None:
        self._server = server
        self._request_seconds = request_seconds
        self._http = httpx.Client(
            base_url=server.url,
            verify=server.tls if server.tls is not None else server.url.startswith("https:"),
            auth=server.basic,
            timeout=httpx.Timeout(request_seconds, connect=_CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=max_connections),
            headers={"Accept": "application/json", "User-Agent": "argosmo"},
            # The cluster's address is configured; a proxy of the environment is not meant for it.
            trust_env=False,
            follow_redirects=False,
        )

    def close(self) -> None:
        """Let go of all connections."""
        self._http.close()

    def get(self, path: str, parameters: Parameters | None = None) -> bytes:
        """The body of an object or list. Errors: ClusterError."""
        return self._call("GET", path, parameters)

    def create(self, path: str, body: bytes) -> bytes:
        """Create an object; it as the server made it. Errors: ClusterError, Conflict where it exists."""
        return self._call("POST", path, None, body)

    def patch(self, path: str, change: Mapping[str, Any]) -> bytes:
        """Merge `change` into an object; the result. Errors: ClusterError."""
        return self._call("PATCH", path, None, json.dumps(change).encode(), MERGE_PATCH)

    def delete(self, path: str, options: Mapping[str, Any] | None = None) -> bytes:
        """Delete an object. Errors: ClusterError, NotThere where it is gone."""
        return self._call("DELETE", path, None, json.dumps(options or {}).encode())

    @contextlib.contextmanager
    def stream(self, path: str, parameters: Parameters, *, silence_seconds: float) -> Iterator[Stream]:
        """An answer as a stream. Errors: ClusterError; Stalled after `silence_seconds` without a byte."""
        timeout = httpx.Timeout(self._request_seconds, connect=_CONNECT_SECONDS, read=silence_seconds)
        request = self._request("GET", path, parameters, timeout=timeout)
        try:
            response = self._http.send(request, stream=True)
        except httpx.ReadTimeout as error:
            raise Stalled("The server did not begin to answer.") from error
        except (httpx.HTTPError, OSError) as error:
            raise _unreachable(error) from error
        try:
            if response.status_code == 401:
                self._server.token.renew()
                raise TryAgain("The API server refused the token; it is asked for anew.", status=401)
            if response.status_code >= 400:
                raise self._fault(response)
            yield Stream(response)
        finally:
            response.close()

    def _call(
        self,
        method: str,
        path: str,
        parameters: Parameters | None,
        body: bytes | None = None,
        content_type: str = "application/json",
    ) -> bytes:
        for attempt in range(2):
            request = self._request(method, path, parameters, body=body, content_type=content_type)
            try:
                response = self._http.send(request)
            except (httpx.HTTPError, OSError) as error:
                raise _unreachable(error) from error
            if response.status_code == 401 and attempt == 0:
                self._server.token.renew()
                continue
            if response.status_code >= 400:
                raise self._fault(response)
            return response.content
        raise AssertionError("unreachable")

    def _request(
        self,
        method: str,
        path: str,
        parameters: Parameters | None,
        *,
        body: bytes | None = None,
        content_type: str = "application/json",
        timeout: httpx.Timeout | None = None,
    ) -> httpx.Request:
        try:
            token = self._server.token.current()
        except AccessError as error:
            raise TryAgain(str(error)) from error
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if body is not None:
            headers["Content-Type"] = content_type
        words = {key: _word(value) for key, value in (parameters or {}).items()}
        extensions = {"sni_hostname": self._server.server_name} if self._server.server_name else {}
        return self._http.build_request(
            method,
            path,
            params=words or None,
            content=body,
            headers=headers,
            timeout=timeout if timeout is not None else httpx.USE_CLIENT_DEFAULT,
            extensions=extensions,
        )

    def _fault(self, response: httpx.Response) -> ClusterError:
        try:
            body = response.read()
        except (httpx.HTTPError, OSError):
            body = b""
        return fault_of(response.status_code, body, response.headers.get("Retry-After"))


def fault_of(status: int, body: bytes, retry_after: str | None = None) -> ClusterError:
    """The fault that an answer means. Shape: `body` is a Kubernetes Status, or anything."""
    try:
        told = msgspec.json.decode(body, type=_Status)
    except msgspec.MsgspecError:
        told = _Status()
    message = (told.message or body[:200].decode(errors="replace") or f"HTTP {status}")[:_MAX_MESSAGE]
    reason = told.reason or ""
    match status:
        case 404:
            return NotThere(message, status=status, reason=reason)
        case 409:
            return Conflict(message, status=status, reason=reason)
        case 410:
            return Expired(message, status=status, reason=reason)
        case 408 | 425 | 429:
            return TryAgain(message, status=status, reason=reason, after_seconds=_seconds(retry_after))
        case _ if status >= 500:
            return TryAgain(message, status=status, reason=reason, after_seconds=_seconds(retry_after))
        case _:
            return Refused(message, status=status, reason=reason)


def _unreachable(error: Exception) -> TryAgain:
    return TryAgain(f"The API server did not answer: {type(error).__name__}: {error}")


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    if text.strip().isascii() and text.strip().isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _word(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
