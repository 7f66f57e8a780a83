"""Several jobs at a time."""

from __future__ import annotations

import threading

import pytest

from storage.connections import Connections
from storage.faults import TransferStopped
from storage.lanes import Lanes
from tests.unit.storage.meeting import Meeting


@pytest.mark.parametrize("count", [1, 4])
def test_all_jobs_are_done_when_the_block_is_left(count: int) -> None:
    done: list[int] = []
    with Lanes(count, threading.Event()) as lanes:
        for number in range(100):
            lanes.run(lambda number=number: done.append(number))  # type: ignore[misc]
    assert sorted(done) == [*range(100)]


def test_no_more_at_a_time_than_there_are_lanes() -> None:
    job = Meeting(3)
    with Lanes(3, threading.Event()) as lanes:
        for _ in range(9):
            lanes.run(job)
    assert job.most == 3


def test_the_first_failure_is_raised_and_stops_the_others() -> None:
    begun, told = threading.Event(), threading.Event()

    def go_on(lanes: Lanes) -> None:
        begun.set()
        while not lanes.is_set():
            told.wait(0.001)
        told.set()
        raise TransferStopped

    def fail() -> None:
        begun.wait(10)
        raise ValueError("first")

    def ride(count: int) -> None:
        with Lanes(3, threading.Event()) as lanes:
            lanes.run(lambda: go_on(lanes))
            for _ in range(count):
                lanes.run(fail)

    with pytest.raises(ValueError, match="first"):
        ride(100)
    assert told.is_set()


def test_one_lane_raises_at_once() -> None:
    with Lanes(1, threading.Event()) as lanes, pytest.raises(ZeroDivisionError):
        lanes.run(lambda: print(1 // 0))


@pytest.mark.parametrize("count", [1, 3])
def test_nothing_begins_after_the_sign_to_stop(count: int) -> None:
    stopped = threading.Event()
    stopped.set()
    with pytest.raises(TransferStopped), Lanes(count, stopped) as lanes:
        lanes.run(lambda: pytest.fail("began"))


def most_together(lanes: Lanes, sizes: list[int], meets: int) -> int:
    """How many jobs ran at a time; so many wait for each other."""
    job = Meeting(meets)
    with lanes:
        for size in sizes:
            lanes.run(job, size)
    return job.most


@pytest.mark.parametrize(("answer_seconds", "most"), [(0.001, 3), (0.05, 12)])
def test_there_are_more_lanes_where_answers_are_late(answer_seconds: float, most: int) -> None:
    connections = Connections(48)
    connections.answered(answer_seconds)
    assert most_together(Lanes(3, threading.Event(), connections), [0] * 24, most) == most


def test_lanes_beyond_the_usual_ones_are_for_what_is_small() -> None:
    """Bounded memory: what is under way may be held."""
    connections = Connections(48)
    connections.answered(0.05)
    assert most_together(Lanes(3, threading.Event(), connections), [4 * 1024 * 1024] * 8, 4) == 4


def test_who_waits_for_a_lane_is_stopped_by_a_failure() -> None:
    connections, begun = Connections(48), threading.Event()

    def fail() -> None:
        begun.wait(10)
        raise ValueError("first")

    def ride() -> None:
        with Lanes(2, threading.Event(), connections) as lanes:
            for _ in range(2):
                lanes.run(fail)
            begun.set()
            lanes.run(lambda: pytest.fail("began"))

    with pytest.raises(ValueError, match="first"):
        ride()
