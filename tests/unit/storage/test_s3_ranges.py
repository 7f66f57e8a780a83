"""Ranges of objects over connections that do not hold."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from storage.connections import Connections
from storage.faults import TransferStopped
from storage.lanes import NEVER
from storage.patience import Patience
from storage.ranges import Range
from storage.s3_ranges import fetch_range
from storage.s3_signature import S3Keys
from storage.s3_wire import S3Refused, S3Unreachable, S3Wire

DATA = bytes(range(251)) * 20_000
START, END = 1_000_001, 4_000_003


class _Store(BaseHTTPRequestHandler):
    """Breaks off after `most_bytes` of a body; answers the first requests with `statuses`."""

    protocol_version = "HTTP/1.1"
    most_bytes = len(DATA)
    statuses: tuple[int, ...] = ()
    shift = 0
    asked: list[str]

    def do_GET(self) -> None:
        wanted = self.headers["range"]
        number = len(self.asked)
        self.asked.append(wanted)
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", wanted)
        assert found is not None
        assert self.headers["if-match"] == '"v"'
        start, end = int(found[1]), int(found[2]) + 1
        status = self.statuses[number] if number < len(self.statuses) else 206
        self.send_response(status)
        self.send_header("content-length", str(end - start))
        self.send_header("content-range", f"bytes {start + self.shift}-{end - 1}/{len(DATA)}")
        self.send_header("x-amz-meta-sha256", "noted")
        self.end_headers()
        self.wfile.write(DATA[start : min(end, start + self.most_bytes)])
        self.close_connection = end - start > self.most_bytes

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def store(**settings: object) -> Iterator[tuple[S3Wire, list[str]]]:
    """A store that behaves like this, and the ranges that it is asked for."""
    asked: list[str] = []
    handler = type("Handler", (_Store,), {"asked": asked, **settings})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        patience = Patience(tries=2, first_pause_seconds=0.001, longest_pause_seconds=0.001)
        url = f"http://127.0.0.1:{server.server_port}"
        wire = S3Wire(url=url, prefix="/b", keys=S3Keys(access_key_id="a", secret="s"), patience=patience)
        try:
            yield wire, asked
        finally:
            wire.close()
            server.shutdown()


def test_a_range_is_what_was_asked_for_and_its_headers_come_with_it() -> None:
    wanted = Range(START, END)
    with store() as (wire, asked):
        headers = fetch_range(wire, "k", wanted, '"v"', NEVER)
    assert wanted.came == DATA[START:END]
    assert headers["x-amz-meta-sha256"] == "noted"
    assert asked == [f"bytes={START}-{END - 1}"]


def test_what_breaks_off_goes_on_where_it_did_as_long_as_something_comes() -> None:
    wanted = Range(START, END)
    with store(most_bytes=1024 * 1024) as (wire, asked):
        fetch_range(wire, "k", wanted, '"v"', NEVER)
    assert wanted.came == DATA[START:END]
    assert asked == [f"bytes={START + done}-{END - 1}" for done in range(0, END - START, 1024 * 1024)]


@pytest.mark.parametrize("status", [500, 503])
def test_a_store_that_is_busy_is_asked_again(status: int) -> None:
    wanted = Range(START, END)
    with store(statuses=(status, status)) as (wire, asked):
        fetch_range(wire, "k", wanted, '"v"', NEVER)
    assert wanted.came == DATA[START:END]
    assert len(asked) == 3


def test_who_measures_is_told_that_fewer_requests_are_wanted() -> None:
    """503 SlowDown, which S3 answers to too many requests."""
    connections = Connections(20)
    with store(statuses=(503,)) as (wire, _):
        fetch_range(wire, "k", Range(START, END), '"v"', NEVER, connections)
    assert connections.now(4) == 2


def test_patience_ends() -> None:
    with store(statuses=(503,) * 9) as (wire, asked), pytest.raises(S3Unreachable, match="answered 503"):
        fetch_range(wire, "k", Range(START, END), '"v"', NEVER)
    assert len(asked) == 3


def test_another_version_is_refused() -> None:
    with store(statuses=(412,)) as (wire, _), pytest.raises(S3Refused) as refused:
        fetch_range(wire, "k", Range(START, END), '"v"', NEVER)
    assert refused.value.code == "412"


@pytest.mark.parametrize("settings", [{"statuses": (200,)}, {"shift": 1}])
def test_an_answer_that_is_not_the_range_is_none(settings: dict[str, object]) -> None:
    wanted = Range(START, END)
    with store(**settings) as (wire, _), pytest.raises(S3Unreachable, match="expected"):
        fetch_range(wire, "k", wanted, '"v"', NEVER)
    assert not wanted.came


def test_a_range_can_be_stopped() -> None:
    stopped = threading.Event()
    stopped.set()
    with store() as (wire, _), pytest.raises(TransferStopped):
        fetch_range(wire, "k", Range(START, END), '"v"', stopped)
