"""A store that takes whatever comes as fast as it comes and gives out noise: what is left to measure is the client.

A real store on the same machine spends several times what any client does (SeaweedFS takes four MD5 sums of each byte),
so that two clients of very different cost look alike beside it. `python -m bench.sink_store` prints its port and serves
until its input ends. It knows as much of S3 as it takes to move some objects up and down, and checks nothing.

It can be a far one: then answers come late, and neither one connection nor all together are faster than is said.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

_STEP_BYTES = 1024 * 1024
# On a way that is shaped, little lies in buffers of the system: it would be neither here nor there.
_SHAPED_STEP_BYTES = 256 * 1024
_SHAPED_BUFFER_BYTES = 1024 * 1024
# Bodies are not even copied where the system can leave that out.
_UNSEEN = socket.MSG_TRUNC if sys.platform == "linux" else 0
# Threads wake late; so much is made up for.
_LATE_SECONDS = 0.01
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_ETAG = '"00000000000000000000000000000000"'
# Of the path of an object: before its bucket, its prefix and its name.
_SLASHES_OF_OBJECT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkStore:
    """A running sink."""

    url: str
    pid: int


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """What is between a client and a store. Units: seconds until an answer begins; bytes a second, 0 for no limit."""

    answer_seconds: float = 0.0
    connection_bytes_per_second: int = 0
    total_bytes_per_second: int = 0


class Sink(msgspec.Struct, frozen=True, kw_only=True):
    """What a sink gives out: in each prefix so many objects, all of this size."""

    size_bytes: int
    objects: int = 1
    way: Way = Way()


@contextmanager
def sink_store(sink: Sink) -> Iterator[SinkStore]:
    """A sink in a process of its own."""
    command = [sys.executable, "-m", "bench.sink_store", msgspec.json.encode(sink).decode()]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield SinkStore(url=f"http://127.0.0.1:{int(process.stdout.readline())}", pid=process.pid)
        process.stdin.close()


def main(sink: Sink) -> None:
    """Serve until the input ends."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        if sink.way.connection_bytes_per_second:
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                listener.setsockopt(socket.SOL_SOCKET, option, _SHAPED_BUFFER_BYTES)
        print(listener.getsockname()[1], flush=True)
        noise = os.urandom(_STEP_BYTES) * -(-sink.size_bytes // _STEP_BYTES)
        content = memoryview(noise)[: sink.size_bytes]
        threading.Thread(target=_accept, args=(listener, sink, content), daemon=True).start()
        sys.stdin.read()
        os._exit(0)


@dataclass(slots=True)
class _Line:
    """Lets no more bytes pass than is said. Any thread."""

    bytes_per_second: int
    _free_at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def free_at(self, size: int) -> float:
        """When so many more bytes are through."""
        if not self.bytes_per_second:
            return 0.0
        with self._lock:
            begun = max(self._free_at, time.monotonic() - _LATE_SECONDS)
            self._free_at = begun + size / self.bytes_per_second
            return self._free_at


@dataclass(slots=True)
class _Shaped:
    """One connection, as fast as its way is."""

    connection: socket.socket
    lines: tuple[_Line, _Line]
    step_bytes: int

    def pass_on(self, size: int) -> None:
        _sleep_until(max(line.free_at(size) for line in self.lines))

    def send(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        while view:
            self.pass_on(len(view[: self.step_bytes]))
            self.connection.sendall(view[: self.step_bytes])
            view = view[self.step_bytes :]


def _sleep_until(at: float) -> None:
    left = at - time.monotonic()
    if left > 0:
        time.sleep(left)


def _accept(listener: socket.socket, sink: Sink, content: memoryview) -> None:
    total = _Line(sink.way.total_bytes_per_second)
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        own = _Line(sink.way.connection_bytes_per_second)
        step = _SHAPED_STEP_BYTES if own.bytes_per_second else _STEP_BYTES
        shaped = _Shaped(connection, (own, total), step)
        threading.Thread(target=_serve, args=(shaped, sink, content), daemon=True).start()


def _serve(shaped: _Shaped, sink: Sink, content: memoryview) -> None:
    connection, buffer, held = shaped.connection, bytearray(shaped.step_bytes), b""
    # Whoever has enough of an answer goes away.
    with connection, suppress(ConnectionError):
        while True:
            while b"\r\n\r\n" not in held:
                read = connection.recv(65536)
                if not read:
                    return
                held += read
            head, _, held = held.partition(b"\r\n\r\n")
            first, *lines = head.decode().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            if headers.get("expect", "").lower() == "100-continue":
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            left = int(headers.get("content-length", "0")) - len(held)
            held = b""
            while left > 0:
                read_bytes = connection.recv_into(buffer, min(left, len(buffer)), _UNSEEN)
                if not read_bytes:
                    return
                shaped.pass_on(read_bytes)
                left -= read_bytes
            if sink.way.answer_seconds:
                time.sleep(sink.way.answer_seconds)
            method, target, _ = first.split(" ")
            for piece in _answer(method, target, headers, sink, content):
                shaped.send(piece)


def _answer(
    method: str, target: str, headers: Mapping[str, str], sink: Sink, content: memoryview
) -> Iterator[bytes | memoryview]:
    if method == "GET" and "list-type=2" in target:
        yield from _listing(target.partition("prefix=")[2].partition("&")[0].replace("%2F", "/").rstrip("/"), sink)
    elif method == "GET" and "uploads" in target:
        yield from _document("<ListMultipartUploadsResult></ListMultipartUploadsResult>")
    elif method == "POST" and "uploads" in target:
        yield from _document("<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>")
    elif method == "POST":
        yield from _document(f"<CompleteMultipartUploadResult><ETag>{_ETAG}</ETag></CompleteMultipartUploadResult>")
    elif method == "PUT":
        yield f"HTTP/1.1 200 OK\r\nETag: {_ETAG}\r\nContent-Length: 0\r\n\r\n".encode()
    elif method == "HEAD" and target.partition("?")[0].count("/") < _SLASHES_OF_OBJECT:
        yield b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    else:
        yield from _content(method, headers.get("range", ""), content)


def _listing(prefix: str, sink: Sink) -> Iterator[bytes]:
    entries = "".join(
        f"<Contents><Key>{prefix}/{name}</Key><Size>{sink.size_bytes}</Size><ETag>{_ETAG}</ETag>"
        "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
        for name in sorted(f"file-{number:05}" for number in range(sink.objects))
    )
    yield from _document(
        f"<ListBucketResult><IsTruncated>false</IsTruncated><KeyCount>{sink.objects}</KeyCount>{entries}"
        "</ListBucketResult>"
    )


def _content(method: str, wanted: str, content: memoryview) -> Iterator[bytes | memoryview]:
    found, total = _RANGE.match(wanted), len(content)
    start = int(found[1]) if found is not None else 0
    # A range without an end goes to that of the object.
    end = min(int(found[2]) + 1, total) if found is not None and found[2] else total
    status = "206 Partial Content" if found is not None else "200 OK"
    given = f"Content-Range: bytes {start}-{end - 1}/{total}\r\n" if found is not None else ""
    head = f"HTTP/1.1 {status}\r\nETag: {_ETAG}\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    yield f"{head}{given}Content-Length: {end - start}\r\n\r\n".encode()
    if method == "GET":
        yield content[start:end]


def _document(text: str) -> Iterator[bytes]:
    body = f'<?xml version="1.0" encoding="UTF-8"?>{text}'.encode()
    yield f"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


if __name__ == "__main__":
    main(msgspec.json.decode(sys.argv[1], type=Sink))
