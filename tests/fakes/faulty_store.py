"""A proxy in front of an object store that answers badly when it is told to."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Fault(Enum):
    """What a request meets. RESET_HALF: the answer breaks off in its middle; RESET: before any answer."""

    NONE = auto()
    SLOW_DOWN = auto()
    RESET = auto()
    RESET_HALF = auto()
    # The request is carried out, but nobody hears of it.
    LOST_ANSWER = auto()


@dataclass(frozen=True, slots=True)
class Asked:
    """A request. Shape: `number` counts requests of one method from 1 on, `repeat` those that are just like it."""

    method: str
    path: str
    number: int
    repeat: int


Rule = Callable[[Asked], Fault]


@dataclass(slots=True)
class FaultyStore:
    """The running proxy. `rule` may be exchanged at any time."""

    url: str
    rule: Rule = field(default=lambda _asked: Fault.NONE)
    faults: list[tuple[Asked, Fault]] = field(default_factory=list)
    sent_bytes: int = 0
    _counts: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def met(self, method: str, path: str) -> Fault:
        """What this request meets."""
        with self._lock:
            for name in (method, f"{method} {path}"):
                self._counts[name] = self._counts.get(name, 0) + 1
            asked = Asked(method, path, self._counts[method], self._counts[f"{method} {path}"])
            fault = self.rule(asked)
            if fault is not Fault.NONE:
                self.faults.append((asked, fault))
            return fault

    def reset(self, rule: Rule) -> None:
        """Begin to count anew, with another rule."""
        with self._lock:
            self._counts.clear()
            self.faults.clear()
            self.rule, self.sent_bytes = rule, 0


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
        fault = self.store.met(self.command, self.path)
        if fault is Fault.RESET:
            self._break()
        elif fault is Fault.SLOW_DOWN:
            text = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
            self.send_response(503)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
        else:
            self._pass_on(body, fault)

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
        if fault is Fault.LOST_ANSWER:
            self._break()
            return
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection"):
                self.send_header(name, value)
        if answer.getheader("Content-Length") is None:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if fault is Fault.RESET_HALF:
            data = data[: len(data) // 2]
        if self.command != "HEAD":
            self.wfile.write(data)
        self.store.sent_bytes += len(data)
        if fault is Fault.RESET_HALF:
            self._break()

    def _break(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)

    do_GET = _handle  # noqa: N815
    do_HEAD = _handle  # noqa: N815
    do_PUT = _handle  # noqa: N815
    do_POST = _handle  # noqa: N815
    do_DELETE = _handle  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        pass
