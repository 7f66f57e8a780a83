"""An API server in a process of its own that shows recorded events at a set pace, and notes when it sent each.

`python -m bench.mirror_server <events> <events a second> <file of times>` prints its URL; `POST /start` begins, and
ends when all was sent. What is written is taken and forgotten; logs are empty.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO
from urllib.parse import parse_qs, urlsplit

from bench.mirror_events import Pattern, Run, interleaved, runs_of

_VERSION = 99_999_999
_STEP_SECONDS = 0.001


class Show:
    """The runs, what was shown of them, and the open watches by kind."""

    def __init__(self, events: int, pace: float, times: Path) -> None:
        self._runs = runs_of(events)
        self._pace = pace
        self._times = times
        self._shown: dict[str, dict[str, Pattern]] = {str(run.uuid): {} for run in self._runs}
        self._by_uuid = {str(run.uuid): run for run in self._runs}
        self._lock = threading.Lock()
        self.watches: dict[str, BinaryIO] = {}
        self.closed = threading.Event()

    def play(self) -> None:
        """Send all events, each at its time, and write down when each was sent.

        They are ready before the first is sent, and those of a millisecond go out together: the machine is the
        gateway's, too.
        """
        sent = []
        ready = [
            (run, pattern, b"%x\r\n%s\n\r\n" % (len(line) + 1, line))
            for run, pattern in interleaved(self._runs)
            for line in [run.own(pattern.line)]
        ]
        began = time.monotonic()
        place = 0
        while place < len(ready):
            now = time.monotonic()
            due: dict[str, list[bytes]] = {}
            while place < len(ready) and began + place / self._pace <= now:
                run, pattern, chunk = ready[place]
                self._show(run, pattern)
                sent.append((run.number, pattern.kind, pattern.version, now))
                due.setdefault(pattern.kind, []).append(chunk)
                place += 1
            for kind, chunks in due.items():
                self.watches[kind].write(b"".join(chunks))
                self.watches[kind].flush()
            time.sleep(_STEP_SECONDS)
        self._times.write_text(json.dumps(sent))

    def listed(self, kind: str, uuid: str) -> bytes:
        """A list: of one run, or nothing."""
        with self._lock:
            shown = list(self._shown.get(uuid, {}).values())
        items = [self._by_uuid[uuid].own(one.object) for one in shown if one.kind == kind]
        return b'{"metadata":{"resourceVersion":"%d"},"items":[%s]}' % (_VERSION, b",".join(items))

    def _show(self, run: Run, pattern: Pattern) -> None:
        with self._lock:
            shown = self._shown[str(run.uuid)]
            if pattern.type == "DELETED":
                shown.pop(f"{pattern.kind}/{pattern.name}", None)
            else:
                shown[f"{pattern.kind}/{pattern.name}"] = pattern


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    show: Show

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        kind = url.path.rpartition("/")[2]
        if query.get("watch") == "true":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.show.watches[kind] = self.wfile  # type: ignore[assignment]
            self.show.closed.wait()
        elif kind == "log":
            self._answer(200, b"")
        elif kind in ("pods", "workflows", "events", "nodes"):
            self._answer(200, self.show.listed(kind, query.get("labelSelector", "").partition("=")[2]))
        else:
            self._answer(404, b"{}")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/start":
            self.show.play()
        self._answer(201, body)

    def do_PATCH(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer(200, b'{"metadata":{"name":"%s"}}' % self.path.rpartition("/")[2].encode())

    def do_DELETE(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer(200, b"{}")

    def _answer(self, code: int, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


def main(events: int, pace: float, times: Path) -> None:
    """Serve until the process is ended."""

    class Handler(_Handler):
        show = Show(events, pace, times)

    server = _Server(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]))
