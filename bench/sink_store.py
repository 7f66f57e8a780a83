"""A store that takes whatever comes as fast as it comes and gives out noise: what is left to measure is the client.

A real store on the same machine spends several times what any client does (SeaweedFS takes four MD5 sums of each byte),
so that two clients of very different cost look alike beside it. `python -m bench.sink_store` prints its port and serves
until its input ends. It knows as much of S3 as one large object takes, up and down, and checks nothing.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_STEP_BYTES = 1024 * 1024
_RANGE = re.compile(r"bytes=(\d+)-(\d+)")
_ETAG = '"00000000000000000000000000000000"'


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkStore:
    """A running sink."""

    url: str
    pid: int


@contextmanager
def sink_store(size_bytes: int) -> Iterator[SinkStore]:
    """A sink in a process of its own, all of whose objects have this size."""
    command = [sys.executable, "-m", "bench.sink_store", str(size_bytes)]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield SinkStore(url=f"http://127.0.0.1:{int(process.stdout.readline())}", pid=process.pid)
        process.stdin.close()


def main(size_bytes: int) -> None:
    """Serve until the input ends."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        print(listener.getsockname()[1], flush=True)
        noise = os.urandom(_STEP_BYTES) * -(-size_bytes // _STEP_BYTES)
        threading.Thread(target=_accept, args=(listener, memoryview(noise)[:size_bytes]), daemon=True).start()
        sys.stdin.read()
        os._exit(0)


def _accept(listener: socket.socket, content: memoryview) -> None:
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_serve, args=(connection, content), daemon=True).start()


def _serve(connection: socket.socket, content: memoryview) -> None:
    buffer, held = bytearray(_STEP_BYTES), b""
    with connection:
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
                left -= connection.recv_into(buffer, min(left, len(buffer)))
            method, target, _ = first.split(" ")
            for piece in _answer(method, target, headers, content):
                connection.sendall(piece)


def _answer(method: str, target: str, headers: Mapping[str, str], content: memoryview) -> Iterator[bytes | memoryview]:
    if method == "GET" and "list-type=2" in target:
        key = target.partition("prefix=")[2].partition("&")[0].replace("%2F", "/").rstrip("/")
        yield from _document(
            "<ListBucketResult><IsTruncated>false</IsTruncated><KeyCount>1</KeyCount><Contents>"
            f"<Key>{key}/file</Key><Size>{len(content)}</Size><ETag>{_ETAG}</ETag>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents></ListBucketResult>"
        )
    elif method == "GET" and "uploads" in target:
        yield from _document("<ListMultipartUploadsResult></ListMultipartUploadsResult>")
    elif method == "POST" and "uploads" in target:
        yield from _document("<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>")
    elif method == "POST":
        yield from _document(f"<CompleteMultipartUploadResult><ETag>{_ETAG}</ETag></CompleteMultipartUploadResult>")
    elif method == "PUT":
        yield f"HTTP/1.1 200 OK\r\nETag: {_ETAG}\r\nContent-Length: 0\r\n\r\n".encode()
    elif method == "HEAD" and not target.partition("?")[0].endswith("/file"):
        yield b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    else:
        yield from _content(method, headers.get("range", ""), content)


def _content(method: str, wanted: str, content: memoryview) -> Iterator[bytes | memoryview]:
    found, total = _RANGE.match(wanted), len(content)
    start, end = (int(found[1]), min(int(found[2]) + 1, total)) if found is not None else (0, total)
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
    main(int(sys.argv[1]))
