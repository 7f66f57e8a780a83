"""A proxy in front of an object store that answers badly when it is told to."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Fault(Enum):
    """What a request meets. RESET_HALF: the answer breaks off in its middle; RESET: before any answer."""

    NONE = auto()
    SLOW_DOWN = auto()
    INTERNAL_ERROR = auto()
    RESET = auto()
    RESET_HALF = auto()
    # The request is carried out, but nobody hears of it.
    LOST_ANSWER = auto()
    # The answer names another version of the object than the store has.
    WRONG_ETAG = auto()
    # As if the object had not appeared yet.
    NOT_FOUND = auto()
    # As if the keys had run out.
    EXPIRED = auto()
    # A byte of the answer is another one.
    CORRUPT = auto()


@dataclass(frozen=True, slots=True)
class Asked:
    """A request.

    Shape: `number` counts requests of one method from 1 on, `repeat` those that are just like it; `key_id` is the
    access key that signed it. Units: size of the body in bytes.
    """

    method: str
    path: str
    number: int
    repeat: int
    key_id: str = ""
    size: int = 0


Rule = Callable[[Asked], Fault]


@dataclass(slots=True)
class FaultyStore:
    """The running proxy. `rule` may be exchanged at any time."""

    url: str
    rule: Rule = field(default=lambda _asked: Fault.NONE)
    faults: list[tuple[Asked, Fault]] = field(default_factory=list)
    sent_bytes: int = 0
    # Of bodies that were passed on.
    received_bytes: int = 0
    _counts: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def met(self, method: str, path: str, key_id: str = "", size: int = 0) -> Fault:
        """What this request meets."""
        with self._lock:
            for name in (method, f"{method} {path}"):
                self._counts[name] = self._counts.get(name, 0) + 1
            asked = Asked(method, path, self._counts[method], self._counts[f"{method} {path}"], key_id, size)
            fault = self.rule(asked)
            if fault is not Fault.NONE:
                self.faults.append((asked, fault))
            return fault

    def count(self, *, sent: int = 0, received: int = 0) -> None:
        """Count bytes that went through."""
        with self._lock:
            self.sent_bytes += sent
            self.received_bytes += received

    def reset(self, rule: Rule) -> None:
        """Begin to count anew, with another rule."""
        with self._lock:
            self._counts.clear()
            self.faults.clear()
            self.rule, self.sent_bytes, self.received_bytes = rule, 0, 0


@contextmanager
def faulty_store(upstream: str) -> Iterator[FaultyStore]:
    """A proxy in front of the store at a URL."""
    address = urlsplit(upstream)

    class Handler(_Handler):
        target = (address.hostname or "", address.port or 80)

    server = _Server(("127.0.0.1", 0), Handler)
    Handler.store = FaultyStore(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield Handler.store
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away are part of the game."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    target: tuple[str, int]
    store: FaultyStore

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        signed = self.headers.get("Authorization", "").partition("Credential=")[2]
        fault = self.store.met(self.command, self.path, signed.partition("/")[0], len(body))
        if fault is Fault.RESET:
            self._break()
        elif fault is Fault.SLOW_DOWN:
            self._refuse(503, "SlowDown", "Please reduce your request rate.")
        elif fault is Fault.INTERNAL_ERROR:
            self._refuse(500, "InternalError", "We encountered an internal error, please try again.")
        elif fault is Fault.NOT_FOUND:
            self._refuse(404, "NoSuchKey", "The specified key does not exist.")
        elif fault is Fault.EXPIRED:
            self._refuse(400, "ExpiredToken", "The provided token has expired.")
        else:
            self._try_to_pass_on(body, fault)

    def _try_to_pass_on(self, body: bytes, fault: Fault) -> None:
        try:
            self._pass_on(body, fault)
        except (OSError, http.client.HTTPException):
            # The store is away.
            self._break()

    def _refuse(self, status: int, code: str, message: str) -> None:
        text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def _pass_on(self, body: bytes, fault: Fault) -> None:
        connection = http.client.HTTPConnection(*self.target, timeout=60)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        self.store.count(received=len(body))
        if fault is Fault.LOST_ANSWER:
            self._break()
            return
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() == "etag" and fault is Fault.WRONG_ETAG:
                value = '"0123456789abcdef0123456789abcdef"'
            if name.lower() not in ("transfer-encoding", "connection"):
                self.send_header(name, value)
        if answer.getheader("Content-Length") is None:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if fault is Fault.RESET_HALF:
            data = data[: len(data) // 2]
        if fault is Fault.CORRUPT and data:
            data = bytes([data[0] ^ 1]) + data[1:]
        if self.command != "HEAD":
            self.wfile.write(data)
        self.store.count(sent=len(data))
        if fault is Fault.RESET_HALF:
            self._break()

    def _break(self) -> None:
        self.close_connection = True
        # Whom it is broken off with may have been quicker.
        with suppress(OSError):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)

    do_GET = _handle  # noqa: N815
    do_HEAD = _handle  # noqa: N815
    do_PUT = _handle  # noqa: N815
    do_POST = _handle  # noqa: N815
    do_DELETE = _handle  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        pass
