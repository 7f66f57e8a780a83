"""Transfers to a real S3 server at the end of a long way."""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from storage.client import DataClient
from tests.object_store import S3Server

pytestmark = pytest.mark.xdist_group("s3")

ANSWER_SECONDS = 0.03


@dataclass(slots=True)
class LongWay:
    """Passes everything on, answers late. Shape: `connections` that were made so far."""

    url: str
    connections: int = 0


@contextmanager
def long_way(to: str) -> Iterator[LongWay]:
    """A way to a server on which answers begin after some time."""
    address = urlsplit(to)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        way = LongWay(f"http://127.0.0.1:{listener.getsockname()[1]}")

        def accept() -> None:
            with suppress(OSError):
                while True:
                    ours, _ = listener.accept()
                    way.connections += 1
                    theirs = socket.create_connection((address.hostname, address.port))
                    asked = threading.Event()
                    threading.Thread(target=_pass, args=(ours, theirs, asked, False), daemon=True).start()
                    threading.Thread(target=_pass, args=(theirs, ours, asked, True), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield way


def _pass(source: socket.socket, target: socket.socket, asked: threading.Event, answers: bool) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            if not answers:
                asked.set()
            elif asked.is_set():
                asked.clear()
                time.sleep(ANSWER_SECONDS)
            target.sendall(data)
    for each in (source, target):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


def client(server: S3Server) -> DataClient:
    return DataClient({f"s3://{server.bucket}": server.credential()})


def test_a_large_file_goes_by_more_connections_and_is_the_same(s3: S3Server, tmp_path: Path) -> None:
    source, url = tmp_path / "large", f"s3://{s3.bucket}/{uuid.uuid4().hex}"
    source.write_bytes(os.urandom(80_000_000))
    with long_way(s3.url) as way:
        client(s3.behind(way.url)).upload(source, url)
        # Three are usual for its parts, one is for whatever else there is to ask.
        assert 4 < way.connections <= 20
    with long_way(s3.url) as way:
        client(s3.behind(way.url)).download(url, tmp_path / "into")
        assert 4 < way.connections <= 20
    assert (tmp_path / "into/large").read_bytes() == source.read_bytes()
    assert s3.unfinished() == []


def test_many_small_files_go_by_more_connections_and_are_the_same(s3: S3Server, tmp_path: Path) -> None:
    source, url = tmp_path / "source", f"s3://{s3.bucket}/{uuid.uuid4().hex}"
    source.mkdir()
    for number in range(200):
        (source / f"{number:03}").write_bytes(os.urandom(number))
    with long_way(s3.url) as way:
        client(s3.behind(way.url)).upload(source, url)
        assert way.connections > 13
    with long_way(s3.url) as way:
        client(s3.behind(way.url)).download(url, tmp_path / "into")
        assert way.connections > 13
    names = [f"{number:03}" for number in range(200)]
    assert {path.name: path.read_bytes() for path in (tmp_path / "into").iterdir()} == {
        name: (source / name).read_bytes() for name in names
    }
