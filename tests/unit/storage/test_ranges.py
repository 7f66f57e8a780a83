"""Several ranges of an object at a time, handed on in order."""

from __future__ import annotations

import threading
import time

import pytest

from storage.lanes import NEVER, StopSign
from storage.ranges import Range, in_order

DATA = bytes(range(256)) * 40
STEP = 1000


def whole(wanted: Range, _stopped: StopSign) -> None:
    room = wanted.room()
    room[:] = DATA[wanted.start : wanted.end]
    wanted.came = room


@pytest.mark.parametrize(("start", "end"), [(0, len(DATA)), (17, len(DATA)), (0, STEP), (5, 6), (9, 9)])
def test_pieces_are_what_is_between_two_places(start: int, end: int) -> None:
    assert (
        b"".join(bytes(piece) for piece in in_order(whole, range(start, end, STEP), end, 3, NEVER)) == DATA[start:end]
    )


def test_order_is_kept_where_a_later_range_comes_first() -> None:
    later = threading.Event()

    def fetch(wanted: Range, stopped: StopSign) -> None:
        if wanted.start:
            later.set()
        elif not later.wait(10):
            raise TimeoutError
        whole(wanted, stopped)

    assert b"".join(bytes(piece) for piece in in_order(fetch, range(0, len(DATA), STEP), len(DATA), 3, NEVER)) == DATA


def test_memory_is_that_of_the_ranges_under_way() -> None:
    rooms: list[object] = []

    def fetch(wanted: Range, stopped: StopSign) -> None:
        whole(wanted, stopped)
        rooms.append(wanted.came.obj)

    for _ in in_order(fetch, range(0, len(DATA), STEP), len(DATA), 3, NEVER):
        pass
    assert len(rooms) == -(-len(DATA) // STEP)
    assert len({id(room) for room in rooms}) <= 3


def test_what_came_before_a_failure_is_handed_on_and_the_others_are_told_to_stop() -> None:
    begun, told = threading.Event(), threading.Event()

    def fetch(wanted: Range, stopped: StopSign) -> None:
        if wanted.start == 2 * STEP:
            assert begun.wait(10)
            wanted.came = memoryview(DATA)[wanted.start : wanted.start + 300]
            raise ConnectionError("broke off")
        if wanted.start > 2 * STEP:
            begun.set()
            while not stopped.is_set():
                time.sleep(0.001)
            told.set()
            return
        whole(wanted, stopped)

    came = bytearray()

    def take() -> None:
        for piece in in_order(fetch, range(0, len(DATA), STEP), len(DATA), 3, NEVER):
            came.extend(piece)

    with pytest.raises(ConnectionError, match="broke off"):
        take()
    assert came == DATA[: 2 * STEP + 300]
    assert told.is_set()
