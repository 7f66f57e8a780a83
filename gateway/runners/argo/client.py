"""A small client of the Kubernetes API: JSON in, bytes out, errors sorted by what to do next.

Safe from any thread. Requests that may be repeated are repeated by the caller's `Patience`, not here.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from io import BufferedReader
from typing import Any, cast
from urllib.parse import urlencode

import msgspec
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.util import Url, parse_url

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
# Of a busy cluster's watch so much lies ready at a time: a dozen events or more.
_STREAM_BUFFER_BYTES = 256 * 1024

Parameters = Mapping[str, str | int | bool]


class _Status(msgspec.Struct, frozen=True):
    message: str | None = None
    reason: str | None = None


class Stream:
    """An answer that is read while it grows. `cancel` makes a reader in another thread stop."""

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self._response = response
        self.status = response.status

    def chunks(self) -> Iterator[bytes]:
        """The bytes as they come. Errors: Stalled where nothing came for too long; TryAgain where it broke."""
        try:
            if isinstance(self._response, urllib3.HTTPResponse) and self._response.chunked:
                # As the server cut it, which is a whole event at a time: fewer reads than `read1` takes.
                yield from self._response.read_chunked()
            else:
                while chunk := self._response.read1():
                    yield chunk
        except ReadTimeoutError as error:
            raise Stalled("The stream was silent for too long.") from error
        except (HTTPError, OSError, ValueError) as error:
            # A ValueError is what reading says of a stream that was ended by another thread.
            raise TryAgain(f"The stream broke: {type(error).__name__}.") from error

    def cancel(self) -> None:
        """End the stream: the reader gets its end or an error at once. Safe to repeat."""
        # Closing would not wake a thread that waits for bytes. One that was read to its end has no socket any more.
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            self._response.shutdown()


class KubeClient:
    """Speaks to one API server. Call `close` at the end."""

    def __init__(self, server: Server, *, max_connections: int = 100, request_seconds: float = REQUEST_SECONDS) -> None:
        self._server = server
        self._timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=request_seconds)
        url = parse_url(server.url)
        self._base = (url.path or "").rstrip("/")
        self._headers = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "argosmo"}
        if server.basic is not None:
            self._headers.update(urllib3.make_headers(basic_auth=":".join(server.basic)))
        # No proxy of the environment: the cluster's address is configured, and they are not meant for it.
        self._pool = _pool(url, server, max_connections)
        self._stream_pool = _pool(url, server, max_connections)
        self._stream_pool.ConnectionCls = _SecureStreamConnection if url.scheme == "https" else _StreamConnection

    def close(self) -> None:
        """Let go of all connections."""
        self._pool.close()
        self._stream_pool.close()

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
        timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=silence_seconds)
        try:
            response = self._send("GET", path, parameters, timeout=timeout, whole=False)
        except ReadTimeoutError as error:
            raise Stalled("The server did not begin to answer.") from error
        except (HTTPError, OSError) as error:
            raise _unreachable(error) from error
        try:
            if response.status == 401:
                self._server.token.renew()
                raise TryAgain("The API server refused the token; it is asked for anew.", status=401)
            if response.status >= 400:
                raise _fault(response)
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
            try:
                response = self._send(method, path, parameters, body=body, content_type=content_type)
            except (HTTPError, OSError) as error:
                raise _unreachable(error) from error
            if response.status == 401 and attempt == 0:
                self._server.token.renew()
                continue
            if response.status >= 400:
                raise _fault(response)
            return response.data
        raise AssertionError("unreachable")

    def _send(
        self,
        method: str,
        path: str,
        parameters: Parameters | None,
        *,
        body: bytes | None = None,
        content_type: str = "application/json",
        timeout: urllib3.Timeout | None = None,
        whole: bool = True,
    ) -> urllib3.BaseHTTPResponse:
        """The answer, read to its end where `whole`. Errors: urllib3's HTTPError; TryAgain where there is no token."""
        try:
            token = self._server.token.current()
        except AccessError as error:
            raise TryAgain(str(error)) from error
        headers = {**self._headers, "Authorization": f"Bearer {token}"} if token else dict(self._headers)
        if body is not None:
            headers["Content-Type"] = content_type
        words = {key: _word(value) for key, value in (parameters or {}).items()}
        pool = self._pool if whole else self._stream_pool
        return pool.urlopen(
            method,
            f"{self._base}{path}?{urlencode(words)}" if words else f"{self._base}{path}",
            body=body,
            headers=headers,
            retries=False,
            redirect=False,
            timeout=timeout or self._timeout,
            preload_content=whole,
        )


class _StreamAnswer(http.client.HTTPResponse):
    """An answer that takes from the connection whatever is there.

    To ask the system for each line of a watch means to hand over Python's lock each time, of which nothing else in the
    process comes to its work.
    """

    def __init__(
        self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        usual = self.fp
        self.fp = cast("BufferedReader", sock.makefile("rb", _STREAM_BUFFER_BYTES))
        usual.close()


class _StreamConnection(HTTPConnection):
    response_class = _StreamAnswer


class _SecureStreamConnection(HTTPSConnection):
    response_class = _StreamAnswer


def _pool(url: Url, server: Server, max_connections: int) -> urllib3.HTTPConnectionPool:
    if url.scheme != "https":
        return urllib3.HTTPConnectionPool(url.host or "", url.port, maxsize=max_connections)
    return urllib3.HTTPSConnectionPool(
        url.host or "",
        url.port,
        maxsize=max_connections,
        ssl_context=server.tls,
        server_hostname=server.server_name or None,
    )


def _fault(response: urllib3.BaseHTTPResponse) -> ClusterError:
    try:
        body = response.data
    except (HTTPError, OSError):
        body = b""
    return fault_of(response.status, body, response.headers.get("Retry-After"))


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
