"""One HTTP exchange over the standard library, which loads in a fifth of the time httpx takes.

Knows connections, proxies and time limits; `cli.client` knows OSMO.
"""

from __future__ import annotations

import http.client
import os
import ssl
import time
from collections.abc import Iterator, Mapping
from urllib.parse import SplitResult, urlsplit

from cli.errors import Unreachable

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
# Nothing has been sent while connecting, so every request may be tried again.
_RETRY_DELAYS_SECONDS = (0.05, 0.1, 0.2, 0.3, 0.4)
CONNECT_RETRIES = len(_RETRY_DELAYS_SECONDS)
_CHUNK_BYTES = 65536


class CutShort(Exception):
    """A streamed body ended before its end."""


def exchange(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
    *,
    read_seconds: float | None = READ_SECONDS,
    retries: int = CONNECT_RETRIES,
) -> http.client.HTTPResponse:
    """Send one request and give back the reply, its body unread.

    Units: `read_seconds` bounds each wait for bytes; None waits for ever.
    Errors: Unreachable.
    """
    parts = urlsplit(url)
    connection = _connected(parts, retries)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    if _plain_proxy(parts) is not None:
        target = url
    try:
        connection.sock.settimeout(read_seconds)
        connection.request(method, target, body=body, headers=dict(headers))
        return connection.getresponse()
    except TimeoutError as error:
        raise Unreachable(f"{_origin(parts)} did not answer within {read_seconds:.0f} s.") from error
    except (OSError, http.client.HTTPException) as error:
        reason = str(error) or type(error).__name__
        raise Unreachable(f"{_origin(parts)} broke off the connection: {reason}") from error


def read_body(response: http.client.HTTPResponse) -> bytes:
    """The whole body. Errors: Unreachable where it does not arrive whole."""
    try:
        return response.read()
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"The reply did not arrive whole: {error}") from error


def read_lines(response: http.client.HTTPResponse) -> Iterator[list[str]]:
    """The lines of the body without their ends, those together that arrive together. Errors: CutShort."""
    pending = b""
    while True:
        try:
            chunk = response.read1(_CHUNK_BYTES)
        except (OSError, http.client.HTTPException) as error:
            if pending:
                yield [_text(pending)]
            raise CutShort from error
        if not chunk:
            break
        *whole, pending = (pending + chunk).split(b"\n")
        if whole:
            yield [_text(line) for line in whole]
    if pending:
        yield [_text(pending)]


def _text(line: bytes) -> str:
    return line.decode(errors="replace").removesuffix("\r")


def _connected(parts: SplitResult, retries: int) -> http.client.HTTPConnection:
    for delay in (*_RETRY_DELAYS_SECONDS[:retries], None):
        connection = _connection(parts)
        try:
            connection.connect()
        except ssl.SSLError as error:
            raise Unreachable(f"No trustworthy TLS connection to {_origin(parts)}: {error}") from error
        except (OSError, http.client.HTTPException) as error:
            if delay is None:
                raise _no_connection(parts, error) from error
            time.sleep(delay)
        else:
            return connection
    raise AssertionError("unreachable: the last round returns or raises")


def _connection(parts: SplitResult) -> http.client.HTTPConnection:
    host = parts.hostname or ""
    proxy = _proxy(parts)
    if parts.scheme == "https":
        context = ssl.create_default_context()
        if proxy is None:
            return http.client.HTTPSConnection(host, parts.port, timeout=CONNECT_SECONDS, context=context)
        tunnel = http.client.HTTPSConnection(proxy.hostname or "", proxy.port, timeout=CONNECT_SECONDS, context=context)
        tunnel.set_tunnel(host, parts.port)
        return tunnel
    if proxy is None:
        return http.client.HTTPConnection(host, parts.port, timeout=CONNECT_SECONDS)
    return http.client.HTTPConnection(proxy.hostname or "", proxy.port, timeout=CONNECT_SECONDS)


def _plain_proxy(parts: SplitResult) -> SplitResult | None:
    return _proxy(parts) if parts.scheme == "http" else None


def _proxy(parts: SplitResult) -> SplitResult | None:
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    # Imported only where a proxy may be in use: it takes as long as the rest of this module.
    from urllib.request import getproxies, proxy_bypass

    host = parts.hostname or ""
    proxy = getproxies().get(parts.scheme)
    if proxy is None or host in ("localhost", "::1") or host.startswith("127.") or proxy_bypass(host):
        return None
    return urlsplit(proxy if "//" in proxy else f"//{proxy}")


def _no_connection(parts: SplitResult, error: Exception) -> Unreachable:
    origin = _origin(parts)
    if isinstance(error, ConnectionRefusedError):
        return Unreachable(
            f"Nothing answers at {origin} (connection refused). Start a server here with 'argosmo serve', "
            "or choose another one with 'argosmo login URL'."
        )
    if isinstance(error, TimeoutError):
        return Unreachable(f"No connection to {origin} within {CONNECT_SECONDS:.0f} s. Is the address right?")
    reason = getattr(error, "strerror", None) or str(error)
    return Unreachable(f"No connection to {origin}: {reason}. Is the address right?")


def _origin(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
