"""Several ranges of an object at a time, handed on in order."""

from __future__ import annotations

import threading
import time

import pytest

from storage.connections import Connections
from storage.lanes import NEVER, StopSign
from storage.ranges import Cut, Memory, Range, in_order

DATA = bytes(range(256)) * 160
STEP = 1000


def cut(start: int, end: int, connections: Connections | None = None, most: int = 3) -> Cut:
    return Cut(start=start, end=end, step=STEP, at_once=3, far_step=STEP, most=most, connections=connections)


def far() -> Connections:
    """Connections to a store that answers late."""
    connections = Connections(16)
    connections.answered(0.05)
    return connections


def whole(wanted: Range, _stopped: StopSign) -> None:
    room = wanted.room()
    room[:] = DATA[wanted.start : wanted.end]
    wanted.came = room


@pytest.mark.parametrize(("start", "end"), [(0, len(DATA)), (17, len(DATA)), (0, STEP), (5, 6), (9, 9)])
def test_pieces_are_what_is_between_two_places(start: int, end: int) -> None:
    assert b"".join(bytes(piece) for piece in in_order(whole, cut(start, end), NEVER)) == DATA[start:end]


def test_order_is_kept_where_a_later_range_comes_first() -> None:
    later = threading.Event()

    def fetch(wanted: Range, stopped: StopSign) -> None:
        if wanted.start:
            later.set()
        elif not later.wait(10):
            raise TimeoutError
        whole(wanted, stopped)

    assert b"".join(bytes(piece) for piece in in_order(fetch, cut(0, len(DATA)), NEVER)) == DATA


def test_memory_is_that_of_the_ranges_under_way() -> None:
    rooms: list[object] = []

    def fetch(wanted: Range, stopped: StopSign) -> None:
        whole(wanted, stopped)
        rooms.append(wanted.came.obj)

    for _ in in_order(fetch, cut(0, len(DATA)), NEVER):
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
        for piece in in_order(fetch, cut(0, len(DATA)), NEVER):
            came.extend(piece)

    with pytest.raises(ConnectionError, match="broke off"):
        take()
    assert came == DATA[: 2 * STEP + 300]
    assert told.is_set()


def met(count: int, most: int, memory: Memory, connections: Connections) -> int:
    """How many ranges are under way at a time; so many wait for each other."""
    lock, meet = threading.Lock(), threading.Barrier(count)
    together = seen = 0

    def fetch(wanted: Range, stopped: StopSign) -> None:
        nonlocal together, seen
        with lock:
            together += 1
            seen = max(seen, together)
        if wanted.start < count * STEP:
            meet.wait(10)
        whole(wanted, stopped)
        with lock:
            together -= 1

    end = 4 * count * STEP
    pieces = in_order(fetch, cut(0, end, connections, most), NEVER, memory)
    assert b"".join(bytes(piece) for piece in pieces) == DATA[:end]
    return seen


def test_far_away_more_ranges_are_under_way() -> None:
    assert met(10, 10, Memory(100 * STEP), far()) == 10


def test_no_more_ranges_than_there_is_memory_for() -> None:
    """Bounded memory, whatever the size and the number of objects; it is there again for the next one."""
    memory = Memory(2 * STEP)
    for _ in range(2):
        assert met(5, 10, memory, far()) == 5


def test_ranges_that_wait_for_the_first_one_are_in_memory_too() -> None:
    held, first = set[int](), threading.Event()

    def fetch(wanted: Range, stopped: StopSign) -> None:
        held.add(wanted.start)
        if len(held) == 6:
            first.set()
        if wanted.start == 0:
            assert first.wait(10)
            assert len(held) == 6
        whole(wanted, stopped)

    pieces = in_order(fetch, cut(0, len(DATA), far(), 6), NEVER, Memory(100 * STEP))
    assert b"".join(bytes(piece) for piece in pieces) == DATA


def test_ranges_become_shorter_and_longer_again() -> None:
    """A store is near as soon as one answer was early: then ranges are as long as usual, and so is their memory."""
    connections = far()

    def fetch(wanted: Range, stopped: StopSign) -> None:
        whole(wanted, stopped)
        if wanted.start > 3000:
            connections.answered(0.001)

    shaped = Cut(start=0, end=len(DATA), step=STEP, at_once=3, far_step=400, most=8, connections=connections)
    assert b"".join(bytes(piece) for piece in in_order(fetch, shaped, NEVER, Memory(100 * STEP))) == DATA


def test_near_ranges_end_where_parts_do() -> None:
    """A store opens none of the object's parts twice; before it is known to be near, ranges are short."""
    connections, ends = Connections(16), list[int]()

    def fetch(wanted: Range, stopped: StopSign) -> None:
        whole(wanted, stopped)
        ends.append(wanted.end)
        connections.answered(0.001)

    shaped = Cut(start=100, end=10 * STEP, step=STEP, at_once=1, far_step=400, most=1, connections=connections)
    assert b"".join(bytes(piece) for piece in in_order(fetch, shaped, NEVER)) == DATA[100 : 10 * STEP]
    assert ends == [500, *range(STEP, 11 * STEP, STEP)]
