"""Connections that the transfers of a process share."""

from __future__ import annotations

from contextlib import suppress

from storage.connections import Connections

MIB = 1024 * 1024


class Clock:
    """A time that passes when it is told to."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def test_a_store_nearby_is_left_as_it_is() -> None:
    connections = Connections(20)
    connections.answered(0.002)
    assert connections.now(3) == 3
    assert not connections.is_far


def test_far_away_transfers_share_what_there_is() -> None:
    connections = Connections(20)
    connections.answered(0.02)
    with connections.used():
        assert connections.now(3) == 12
        with connections.used(), connections.used():
            assert connections.now(3) == 6
        assert connections.now(3) == 12


def test_none_has_fewer_than_usual_or_more_than_it_can_use() -> None:
    connections = Connections(20)
    connections.answered(0.02)
    assert connections.now(3, most=5) == 5
    with connections.used(), connections.used(), connections.used(), connections.used():
        assert connections.now(8) == 8


def test_the_time_of_a_small_object_is_that_of_its_answer() -> None:
    clock = Clock()
    connections = Connections(48, clock)
    with connections.moving(4096):
        clock.at += 0.02
    assert connections.is_far
    with connections.moving(4096):
        clock.at += 0.004
    assert not connections.is_far


def test_the_time_of_a_large_one_is_not() -> None:
    clock = Clock()
    connections = Connections(48, clock)
    with connections.moving(MIB):
        clock.at += 0.02
    assert not connections.is_far


def test_what_failed_is_no_measure() -> None:
    clock = Clock()
    connections = Connections(48, clock)
    with suppress(OSError), connections.moving(10):
        clock.at += 0.02
        raise OSError("broke off")
    assert not connections.is_far


def test_more_are_had_where_pieces_show_that_they_pay() -> None:
    clock = Clock()
    connections = Connections(20, clock)
    connections.answered(0.02)
    begun = connections.now(3)
    pieces = [connections.moving(5 * MIB) for _ in range(begun)]
    for piece in pieces:
        piece.__enter__()
    clock.at += 0.2
    for piece in pieces:
        piece.__exit__(None, None, None)
    assert connections.now(3) == 20 > begun
