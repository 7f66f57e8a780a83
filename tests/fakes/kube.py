"""A Kubernetes API server for tests: lists in pages, watches with bookmarks, logs, and faults on request.

It keeps objects and a history of changes, and knows nothing of Argo: tests play recordings into it, or change objects
themselves. Every fault that a test asks for counts how often it struck, so that the test can prove that it did.
"""

from __future__ import annotations

import copy
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]
Kind = Literal["status", "reset", "silent", "cut", "lost-answer", "no-answer", "expired", "garbage", "no-bookmarks"]

NAMESPACE = "argo"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
EVENTS = f"/api/v1/namespaces/{NAMESPACE}/events"
WORKFLOWS = f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/workflows"
SECRETS = f"/api/v1/namespaces/{NAMESPACE}/secrets"


@dataclass
class Fault:
    """Strikes requests that match, `times` times.

    Kinds: `status` answers with `code`; `reset` breaks the connection before the answer; `lost-answer` does what was
    asked and then breaks it, `no-answer` keeps it open until the client gives up; `cut` breaks a stream after `after`
    lines, or another answer in the middle of its body; `silent` sends nothing more on a stream after `after` lines;
    `expired` sends 410 on a watch after `after` events; `garbage` sends a line that is no event; `no-bookmarks` leaves
    out `times` bookmarks of watches.
    """

    kind: Kind
    method: str = "GET"
    path: str = ""
    watch: bool | None = None
    times: int = 1
    code: int = 500
    retry_after: str | None = None
    after: int = 0
    struck: int = 0

    def matches(self, method: str, path: str, *, watch: bool) -> bool:
        """Whether it strikes this request."""
        if self.struck >= self.times or method != self.method or self.path not in path or self.kind == "no-bookmarks":
            return False
        return self.watch is None or self.watch == watch


@dataclass
class LogFeed:
    """The log of one container. Shape: lines with their stamps; `ended` once the container has."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    ended: bool = False


@dataclass
class FakeKube:
    """The server's state; use it through `fake_kube`."""

    url: str = ""
    token: str = ""
    version: int = 1000
    oldest: int = 0
    bookmark_seconds: float = 0.2
    on_write: Callable[[str, str, Json], None] | None = None
    answer: Callable[[str, str, dict[str, str], Json], tuple[int, Json] | None] | None = None
    """What to answer to (method, path, query, body) instead of what is kept here; None for that all the same."""
    objects: dict[str, dict[str, Json]] = field(default_factory=dict)
    history: list[tuple[int, str, str, Json]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    logs: dict[tuple[str, str], LogFeed] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    asked_at: list[float] = field(default_factory=list)
    """When each of `requests` came, on the monotonic clock."""
    bodies: list[tuple[str, str, Json]] = field(default_factory=list)
    deeds: list[tuple[str, str, str]] = field(default_factory=list)
    """What was asked for beside looking: the token of who asked, the method and the path."""
    made: list[tuple[str, str]] = field(default_factory=list)
    """Collection and name of what clients created, in order."""
    deleted: set[tuple[str, str]] = field(default_factory=set)
    changed: threading.Condition = field(default_factory=lambda: threading.Condition(threading.RLock()))
    breaks: int = 0
    closing: bool = False

    def fault(self, kind: Kind, **words: Any) -> Fault:
        """Ask for a fault."""
        made = Fault(kind=kind, **words)
        with self.changed:
            self.faults.append(made)
        return made

    def put(self, collection: str, body: Json) -> Json:
        """Create or replace an object; it gets a new resource version."""
        with self.changed:
            kept = self.objects.setdefault(collection, {})
            name = body["metadata"]["name"]
            made = self._stamped(body)
            self._changed(collection, "MODIFIED" if name in kept else "ADDED", made)
            kept[name] = made
            return made

    def drop(self, collection: str, name: str, last: Json | None = None) -> None:
        """Delete an object at once."""
        with self.changed:
            gone = self.objects.get(collection, {}).pop(name, None)
            self.deleted.add((collection, name))
            if gone is not None or last is not None:
                self._changed(collection, "DELETED", self._stamped(last if last is not None else gone or {}))

    def get(self, collection: str, name: str) -> Json | None:
        """An object as it is."""
        with self.changed:
            return copy.deepcopy(self.objects.get(collection, {}).get(name))

    def names(self, collection: str) -> list[str]:
        """What exists."""
        with self.changed:
            return sorted(self.objects.get(collection, {}))

    def write(self, pod: str, *lines: str, container: str = "main", ended: bool = False) -> None:
        """Let a container write lines; each gets a stamp of its own."""
        with self.changed:
            feed = self.logs.setdefault((pod, container), LogFeed())
            for line in lines:
                feed.lines.append((f"2026-11-22T05:00:00.{len(feed.lines) + 1:09}Z", line))
            feed.ended = feed.ended or ended
            self.changed.notify_all()

    def forget_history(self) -> None:
        """Compact: watches from before now have expired; those that are open go on."""
        with self.changed:
            self.oldest = self.version

    def break_watches(self) -> None:
        """Break the connections of all watches that are open now."""
        with self.changed:
            self.breaks += 1
            self.changed.notify_all()

    def count(self, method: str, part: str) -> int:
        """How many requests of a method had `part` in their path and query."""
        with self.changed:
            return sum(1 for one, path in self.requests if one == method and part in path)

    def sent(self, method: str, part: str) -> list[Json]:
        """The bodies that were sent."""
        with self.changed:
            return [body for one, path, body in self.bodies if one == method and part in path]

    def _stamped(self, body: Json) -> Json:
        self.version += 1
        made = copy.deepcopy(body)
        made["metadata"]["resourceVersion"] = str(self.version)
        made["metadata"].setdefault("uid", f"uid-{self.version}")
        return made

    def _changed(self, collection: str, kind: str, body: Json) -> None:
        self.history.append((self.version, collection, kind, body))
        self.changed.notify_all()


@contextmanager
def fake_kube() -> Iterator[FakeKube]:
    """A running server on loopback."""
    kube = FakeKube()

    class Handler(_Handler):
        fake = kube

    server = _Server(("127.0.0.1", 0), Handler)
    kube.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield kube
    finally:
        with kube.changed:
            kube.closing = True
            kube.changed.notify_all()
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that went away are no news."""


class _Broken(Exception):
    """The connection is to be broken."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body go out separately; without this the body waits 40 ms for the client's acknowledgement.
    disable_nagle_algorithm = True
    fake: FakeKube

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_PATCH(self) -> None:
        self._answer("PATCH")

    def do_DELETE(self) -> None:
        self._answer("DELETE")

    def _answer(self, method: str) -> None:
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        watch = query.get("watch") == "true"
        with self.fake.changed:
            self.fake.requests.append((method, self.path))
            self.fake.asked_at.append(time.monotonic())
            self.fake.bodies.append((method, self.path, body))
            if method != "GET":
                token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
                self.fake.deeds.append((token, method, self.path))
            fault = next((one for one in self.fake.faults if one.matches(method, self.path, watch=watch)), None)
            if fault is not None:
                fault.struck += 1
        try:
            if self.fake.token and self.headers.get("Authorization") != f"Bearer {self.fake.token}":
                self._status(401, "Unauthorized")
            elif fault is not None and fault.kind == "status":
                self._status(fault.code, "Fault", retry_after=fault.retry_after)
            elif fault is not None and fault.kind == "reset":
                raise _Broken
            elif watch:
                self._watch(url.path, query, fault)
            elif url.path.endswith("/log"):
                self._log(url.path.split("/")[-2], query, fault)
            else:
                self._object(method, url.path, query, body, fault)
        except (_Broken, OSError):
            self.close_connection = True
            _break(self.connection)

    def _object(self, method: str, path: str, query: dict[str, str], body: Json, fault: Fault | None) -> None:
        with self.fake.changed:
            code, answer = self._done(method, path, query, body)
        data = json.dumps(answer).encode()
        match fault.kind if fault is not None else "":
            case "lost-answer":
                raise _Broken
            case "no-answer":
                # Ends when the client has closed the connection.
                self.connection.recv(1)
                raise _Broken
            case "cut":
                self._head(code, len(data))
                self.wfile.write(data[: len(data) // 2])
                raise _Broken
            case _:
                self._send(code, data)

    def _done(self, method: str, path: str, query: dict[str, str], body: Json) -> tuple[int, Json]:
        fake = self.fake
        told = fake.answer(method, path, query, body) if fake.answer is not None else None
        if told is not None:
            return told
        collection, _, name = path.rpartition("/")
        if method == "GET" and path.rsplit("/", 1)[-1] in _PLURALS:
            return self._list(path, query)
        if method == "POST":
            if body["metadata"]["name"] in fake.objects.get(path, {}):
                return 409, _told(409, "AlreadyExists", f"{body['metadata']['name']} already exists")
            made = fake.put(path, body)
            fake.made.append((path, body["metadata"]["name"]))
            self._wrote("POST", path, made)
            return 201, made
        known = fake.objects.get(collection, {}).get(name)
        if known is None:
            return 404, _told(404, "NotFound", f"{name} not found")
        if method == "GET":
            return 200, known
        if method == "PATCH":
            version = body.get("metadata", {}).get("resourceVersion")
            if version is not None and version != known["metadata"]["resourceVersion"]:
                return 409, _told(409, "Conflict", "the object has been modified")
            if "nodes" in body.get("status", {}) and known.get("status", {}).get("compressedNodes"):
                return 422, _told(422, "Invalid", "status.nodes: Required value")
            made = fake.put(collection, _merged(known, body))
            self._wrote("PATCH", collection, made)
            return 200, made
        uid = body.get("preconditions", {}).get("uid")
        if uid is not None and uid != known["metadata"].get("uid"):
            return 409, _told(409, "Conflict", "the uid does not match")
        if "deletionTimestamp" not in known["metadata"]:
            known = fake.put(collection, _merged(known, {"metadata": {"deletionTimestamp": "2026-11-22T05:30:00Z"}}))
        self._wrote("DELETE", collection, known)
        phase = known.get("status", {}).get("phase")
        if body.get("gracePeriodSeconds") == 0 or phase in ("Succeeded", "Failed") or collection != PODS:
            fake.drop(collection, name)
            self._collect(name, known)
        return 200, known

    def _collect(self, name: str, gone: Json) -> None:
        """What a deleted object owned goes with it."""
        uid = gone["metadata"].get("uid")
        for collection, kept in list(self.fake.objects.items()):
            for other, one in list(kept.items()):
                owners = one["metadata"].get("ownerReferences") or []
                if any(owner.get("uid") == uid or owner.get("name") == name for owner in owners):
                    self.fake.drop(collection, other)

    def _wrote(self, method: str, collection: str, made: Json) -> None:
        if self.fake.on_write is not None:
            self.fake.on_write(method, collection, made)

    def _list(self, path: str, query: dict[str, str]) -> tuple[int, Json]:
        found = [one for _, one in sorted(self.fake.objects.get(path, {}).items()) if _selected(one, query)]
        begin = int(query.get("continue", "0"))
        limit = int(query.get("limit", "500"))
        meta: Json = {"resourceVersion": str(self.fake.version)}
        if begin + limit < len(found):
            meta["continue"] = str(begin + limit)
        return 200, {"kind": "List", "metadata": meta, "items": found[begin : begin + limit]}

    def _watch(self, path: str, query: dict[str, str], fault: Fault | None) -> None:
        fake = self.fake
        reached = int(query.get("resourceVersion", "0"))
        ends_at = time.monotonic() + float(query.get("timeoutSeconds", "300"))
        if reached < fake.oldest:
            self._begin_stream()
            self._line({"type": "ERROR", "object": _told(410, "Expired", "too old resource version")})
            self._end_stream()
            return
        self._begin_stream()
        sent, breaks = 0, fake.breaks
        while time.monotonic() < ends_at:
            with fake.changed:
                if fake.closing or fake.breaks > breaks:
                    raise _Broken
                news = [one for one in fake.history if one[0] > reached and one[1] == path]
                if not news and (fault is None or sent < fault.after):
                    fake.changed.wait(fake.bookmark_seconds)
                    if fake.breaks > breaks:
                        raise _Broken
                    news = [one for one in fake.history if one[0] > reached and one[1] == path]
                version = fake.version
            for number, _, kind, body in news:
                if fault is not None and sent >= fault.after:
                    break
                reached = number
                if _selected(body, query):
                    self._line({"type": kind, "object": body})
                    sent += 1
            if fault is not None and sent >= fault.after:
                self._strike(fault)
                return
            if not news:
                if self._withholds_bookmark():
                    continue
                reached = max(reached, version)
                self._line({"type": "BOOKMARK", "object": _bookmark(reached)})
        self._end_stream()

    def _withholds_bookmark(self) -> bool:
        with self.fake.changed:
            fault = next((one for one in self.fake.faults if one.kind == "no-bookmarks"), None)
            if fault is None or fault.struck >= fault.times or fault.path not in self.path:
                return False
            fault.struck += 1
            return True

    def _strike(self, fault: Fault) -> None:
        if fault.kind == "cut":
            self.wfile.write(b'40\r\n{"type":"MODI')
            raise _Broken
        if fault.kind == "expired":
            self._line({"type": "ERROR", "object": _told(410, "Expired", "too old resource version")})
            self._end_stream()
            return
        if fault.kind == "garbage":
            self._chunk(b"this is no event\n")
        while not self.fake.closing:
            with self.fake.changed:
                self.fake.changed.wait(0.2)
            if fault.kind == "garbage":
                self._end_stream()
                return
        raise _Broken

    def _log(self, pod: str, query: dict[str, str], fault: Fault | None) -> None:
        fake = self.fake
        if pod not in fake.objects.get(PODS, {}):
            self._status(404, "NotFound")
            return
        feed = fake.logs.get((pod, query.get("container", "main")))
        if feed is None:
            feed = LogFeed(ended=True)
        since = query.get("sinceTime", "")
        self._begin_stream()
        place = sent = 0
        while True:
            with fake.changed:
                if fake.closing:
                    raise _Broken
                if len(feed.lines) <= place and not feed.ended and pod in fake.objects.get(PODS, {}):
                    fake.changed.wait(0.5)
                news, place, ended = feed.lines[place:], len(feed.lines), feed.ended
                ended = ended or pod not in fake.objects.get(PODS, {})
            for stamp, text in news:
                # Real servers cut it to whole seconds.
                if stamp[:19] < since[:19]:
                    continue
                if fault is not None and fault.kind == "cut" and sent >= fault.after:
                    self._chunk(f"{stamp} {text}"[:-1].encode())
                    raise _Broken
                self._chunk(f"{stamp} {text}\n".encode())
                sent += 1
            if ended and place == len(feed.lines):
                self._end_stream()
                return

    def _begin_stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _line(self, value: Json) -> None:
        # As the real one writes it: without a space.
        self._chunk(json.dumps(value, separators=(",", ":")).encode() + b"\n")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _end_stream(self) -> None:
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _status(self, code: int, reason: str, retry_after: str | None = None) -> None:
        self._send(code, json.dumps(_told(code, reason, reason)).encode(), retry_after)

    def _send(self, code: int, data: bytes, retry_after: str | None = None) -> None:
        self._head(code, len(data), retry_after)
        self.wfile.write(data)

    def _head(self, code: int, size: int, retry_after: str | None = None) -> None:
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(size))
        if retry_after is not None:
            self.send_header("Retry-After", retry_after)
        self.end_headers()


_PLURALS = frozenset(
    {"pods", "workflows", "events", "secrets", "services", "configmaps", "nodes", "deployments", "resourcequotas"}
)


def _break(connection: socket.socket) -> None:
    try:
        # Linger 0 makes the kernel send RST instead of a clean end.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
    except OSError:
        return


def _told(code: int, reason: str, message: str) -> Json:
    return {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message}


def _bookmark(version: int) -> Json:
    return {"kind": "Pod", "metadata": {"resourceVersion": str(version)}, "spec": {"containers": None}, "status": {}}


def _selected(one: Json, query: dict[str, str]) -> bool:
    labels = one["metadata"].get("labels") or {}
    for term in filter(None, query.get("labelSelector", "").split(",")):
        key, has_value, value = term.partition("=")
        if key not in labels or (has_value and labels[key] != value):
            return False
    return True


def _merged(known: Json, change: Json) -> Json:
    merged = dict(known)
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merged(merged[key], value)
        else:
            merged[key] = value
    return merged


def play(kube: FakeKube, events: Sequence[Any]) -> None:
    """Play recorded events into the server, in order. Shape: `tests.fakes.recordings.Event`."""
    for event in events:
        collection = PODS if event.kind == "pods" else WORKFLOWS
        body = json.loads(event.object)
        with kube.changed:
            owner = event.name if event.kind == "workflows" else body["metadata"]["ownerReferences"][0]["name"]
            if (collection, event.name) in kube.deleted or (WORKFLOWS, owner) in kube.deleted:
                # It went earlier than it did in the recording.
                continue
            if event.type == "DELETED":
                kube.drop(collection, event.name, body)
            else:
                kube.put(collection, body)
