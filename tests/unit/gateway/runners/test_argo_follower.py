"""How long a log is followed, and when its end is read."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import pytest

from engine.log_lines import Masker
from gateway.runners.argo.access import Server
from gateway.runners.argo.client import KubeClient
from gateway.runners.argo.follower import FollowedLog, Follower, Line
from gateway.runners.argo.log_lines import Position
from gateway.runners.argo.patience import Patience

_LOG = FollowedLog(path="/log", pod_uid="u", container="main")
_LONG_SECONDS = 600.0
_SOON_SECONDS = 30.0


class Owner:
    """Implements `gateway.runners.argo.follower.Owner`."""

    def __init__(self) -> None:
        self.over = False
        self.lines: list[str] = []
        self.all_read = threading.Event()

    def is_over(self, _log: FollowedLog) -> bool:
        return self.over

    def position_of(self, _log: FollowedLog) -> Position:
        return Position()

    def take(self, _log: FollowedLog, lines: Sequence[Line]) -> bool:
        self.lines += [text for _, text in lines]
        return True

    def done(self, _log: FollowedLog) -> None:
        self.all_read.set()


@contextmanager
def following(owner: Owner, *answers: bytes) -> Iterator[tuple[Follower, threading.Event]]:
    """A follower that else waits for minutes, of a log with these answers; and what is set once the first was given."""
    given, stopped = threading.Event(), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for body in answers:
                connection, _ = server.accept()
                with connection:
                    connection.recv(65536)
                    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
                    connection.sendall(head + body)
                    # Returns when the client has read all of it.
                    connection.shutdown(socket.SHUT_WR)
                    connection.recv(1)
                given.set()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        client = KubeClient(Server(url=f"http://127.0.0.1:{server.getsockname()[1]}"))
        patience = Patience(stopped=stopped, first_seconds=_LONG_SECONDS, most_seconds=_LONG_SECONDS)
        follower = Follower(client, _LOG, owner, Masker(()), patience, silence_seconds=_LONG_SECONDS)
        follower.start()
        try:
            yield follower, given
        finally:
            stopped.set()
            follower.wake()
            follower.join(_SOON_SECONDS)
            client.close()


def line(text: str) -> bytes:
    return f"{datetime(2026, 1, 1).isoformat()}.000000001Z {text}\n".encode()


@pytest.mark.parametrize("is_seen_first", [True, False])
def test_what_is_left_is_read_at_once_when_the_container_has_ended(*, is_seen_first: bool) -> None:
    owner = Owner()
    with following(owner, line("first"), line("first") + line("last")) as (follower, given):
        if is_seen_first:
            assert given.wait(_SOON_SECONDS)
        owner.over = True
        follower.ended()
        assert owner.all_read.wait(_SOON_SECONDS)
    assert owner.lines[-1] == "last" or not is_seen_first


def test_a_follower_that_waits_ends_when_it_is_let_go() -> None:
    owner = Owner()
    with following(owner, line("first")) as (follower, given):
        assert given.wait(_SOON_SECONDS)
        follower.wake()
        follower.join(_SOON_SECONDS)
        assert not owner.all_read.is_set()
        # The thread has ended: another call returns at once.
        follower.join(0)
    assert owner.lines == ["first"]
