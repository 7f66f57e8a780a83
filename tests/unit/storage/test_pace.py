"""How many connections pay, for stores that are near, far, far behind a narrow way, and busy."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

import pytest

from storage.pace import Pace, Use

PIECE_BYTES = 5_000_000
USE = Use(least=3, most=20)
Way = Callable[[int], float]
"""The bytes a second of all connections together, by how many there are."""


def each(rate: float, together: float = 1e12) -> Way:
    """A way that gives each connection so much, and all together no more than that."""
    return lambda number: min(number * rate, together)


class Transfer:
    """A transfer over some way, in a time of its own."""

    def __init__(self, way: Way, answer_seconds: float, use: Use = USE, noise: float = 0.0, seed: int = 1) -> None:
        self.pace, self.way, self.use, self.at = Pace(), way, use, 0.0
        self.chance, self.noise = random.Random(seed), noise
        self.numbers: list[int] = []
        self.pace.answered(answer_seconds)

    def go_on(self, rounds: int) -> int:
        """Move as many pieces as there are connections, so many times over, and return how many there are then."""
        for _ in range(rounds):
            number = self.pace.number(self.at, self.use)
            self.numbers.append(number)
            begun, rate = self.at, self.way(number) / number
            took = [PIECE_BYTES / rate * (1 + self.chance.uniform(-self.noise, self.noise)) for _ in range(number)]
            for seconds in took:
                self.pace.moved(PIECE_BYTES, begun, begun + seconds)
            self.at += max(took)
        return self.pace.number(self.at, self.use)


def changes(numbers: list[int]) -> int:
    return sum(one != other for one, other in pairwise(numbers))


@pytest.mark.parametrize("way", [each(25e6), each(60e6, 140e6), each(1e9)])
def test_a_store_nearby_is_left_as_it_is(way: Way) -> None:
    transfer = Transfer(way, answer_seconds=0.002)
    assert transfer.go_on(50) == 3
    assert set(transfer.numbers) == {3}


def test_before_anything_is_measured_there_are_no_more_than_usual() -> None:
    assert Pace().number(0.0, USE) == 3


@pytest.mark.parametrize("noise", [0.0, 0.2])
@pytest.mark.parametrize("seed", range(5))
def test_far_away_there_are_soon_as_many_as_may_be(noise: float, seed: int) -> None:
    transfer = Transfer(each(25e6), 0.02, noise=noise, seed=seed)
    assert transfer.go_on(5) == 20
    assert transfer.go_on(200) == 20


@pytest.mark.parametrize("together", [2e6, 12e6, 60e6])
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_where_the_way_is_full_more_are_taken_back(together: float, noise: float) -> None:
    """More of them pay, or there are none: bytes per second of the whole transfer have to rise with them."""
    transfer = Transfer(each(25e6, together), 0.03, noise=noise)
    assert transfer.go_on(12) <= 6


def test_as_many_as_the_way_is_wide() -> None:
    transfer = Transfer(each(25e6, 300e6), 0.02)
    assert 10 <= transfer.go_on(20) <= 20
    assert transfer.way(transfer.numbers[-1]) >= 0.9 * 300e6


def test_what_did_not_pay_is_tried_again_ever_more_seldom() -> None:
    """No endless to and fro."""
    transfer = Transfer(each(25e6, 60e6), 0.02)
    transfer.go_on(4000)
    first, later = transfer.numbers[:2000], transfer.numbers[2000:]
    assert transfer.at > 600
    assert changes(later) <= changes(first) <= 60
    assert sum(transfer.numbers) / len(transfer.numbers) < 7


def test_connections_that_are_fast_each_are_enough() -> None:
    transfer = Transfer(each(200e6), 0.02)
    assert transfer.go_on(10) < 20


def test_a_store_is_near_as_soon_as_one_answer_was_early() -> None:
    """The first answer of all is late where a connection had to be made, or the machine was busy."""
    transfer = Transfer(each(25e6), 0.02)
    assert transfer.go_on(1) > 3
    transfer.pace.answered(0.003)
    assert transfer.go_on(10) == 3


def test_a_store_that_asks_for_fewer_requests_has_fewer() -> None:
    pace = Pace()
    pace.answered(0.02)
    assert pace.number(0.0, USE) == 12
    pace.refused(1.0)
    assert pace.number(1.0, USE) == 6
    # Those that were under way are refused with it.
    pace.refused(1.5)
    assert pace.number(1.5, USE) == 6
    for second in range(10):
        pace.refused(3.0 + 2 * second)
    assert pace.number(22.0, USE) == 1


def test_a_store_that_is_no_longer_busy_has_the_usual_number_again() -> None:
    pace = Pace()
    pace.answered(0.001)
    pace.refused(0.0)
    assert pace.number(1.0, USE) == 1
    assert pace.number(11.0, USE) == 3


def test_a_trial_ends_where_others_come() -> None:
    transfer = Transfer(each(25e6), 0.02)
    while transfer.go_on(1) < 20:
        pass
    transfer.pace.changed(transfer.at)
    assert transfer.pace.number(transfer.at, USE) == 12


@pytest.mark.parametrize(
    ("use", "factor", "number"),
    [
        (USE, 1.0, 3),
        (USE, 4.0, 12),
        (USE, 8.0, 20),
        (USE, 1 / 16, 1),
        # Where many share it each has its usual number.
        (Use(least=8, most=4), 4.0, 8),
    ],
)
def test_the_number_is_bounded(use: Use, factor: float, number: int) -> None:
    assert use.number(factor) == number
