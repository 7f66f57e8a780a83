"""Turns of large files."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from storage.faults import TransferStopped
from storage.lanes import NEVER
from storage.turns import Turns
from tests.unit.storage.meeting import Meeting


def together(turns: Turns, may_be_more: Callable[[], bool], count: int, meets: int) -> int:
    """How many of so many have their turn at a time; so many wait for each other."""
    meeting = Meeting(meets)

    def job(_number: int) -> None:
        with turns.one(may_be_more, NEVER):
            meeting()

    with ThreadPoolExecutor(count) as threads:
        list(threads.map(job, range(count)))
    return meeting.most


@pytest.mark.parametrize(("is_far", "most"), [(False, 2), (True, 4)])
def test_more_have_their_turn_where_the_way_is_long(is_far: bool, most: int) -> None:
    assert together(Turns(usual=2, most=4), lambda: is_far, 8, most) == most


def test_who_waits_can_be_stopped() -> None:
    turns, stopped = Turns(usual=1, most=1), threading.Event()
    stopped.set()
    with turns.one(lambda: False, NEVER), pytest.raises(TransferStopped), turns.one(lambda: False, stopped):
        pytest.fail("had its turn")
