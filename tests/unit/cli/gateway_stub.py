"""A gateway that records what it is asked and answers from a table, for tests of the client side."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as it came. Shape: header names in lower case; `target` is path and query."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def line(self) -> str:
        """Method and target, as the traces of api.md write it."""
        return f"{self.method} {self.target}"

    @property
    def json(self) -> object:
        """The body as a value."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One reply. Shape: `chunks` are sent as chunks of a text body, `cut` leaves out the last, empty one."""

    status: int = 200
    body: bytes = b"null"
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: tuple[bytes, ...] | None = None
    cut: bool = False


@dataclass(slots=True)
class GatewayStub:
    """What the tests see of the stub. Answers are given in the order added; the last one of a path is repeated."""

    url: str
    requests: list[Request] = field(default_factory=list)
    answers: dict[str, deque[Answer]] = field(default_factory=dict)

    def on(self, route: str, answer: Answer | object) -> None:
        """Answer `METHOD /path` with an Answer, or with a value as JSON."""
        given = answer if isinstance(answer, Answer) else Answer(body=json.dumps(answer).encode())
        self.answers.setdefault(route, deque()).append(given)

    @property
    def lines(self) -> list[str]:
        """All requests so far."""
        return [request.line for request in self.requests]

    def answer(self, request: Request) -> Answer:
        """Record a request and choose the answer."""
        self.requests.append(request)
        queue = self.answers.get(f"{request.method} {request.target.partition('?')[0]}")
        if not queue:
            return Answer(status=404, body=b'{"detail": "Not Found"}')
        return queue.popleft() if len(queue) > 1 else queue[0]


@contextmanager
def serving() -> Iterator[GatewayStub]:
    """A stub on a free port of the loopback interface."""
    stub = GatewayStub(url="")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            answer = stub.answer(
                Request(
                    method=self.command,
                    target=self.path,
                    headers={name.lower(): value for name, value in self.headers.items()},
                    body=self.rfile.read(length),
                )
            )
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.chunks is None:
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)
                return
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for chunk in answer.chunks:
                self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
                self.wfile.flush()
            if answer.cut:
                self.close_connection = True
            else:
                self.wfile.write(b"0\r\n\r\n")

        do_GET = do_POST = do_DELETE = handle_any  # noqa: N815 - the names http.server calls

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
