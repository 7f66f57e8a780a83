"""The thread that brings logs away: what is told is attended to, what fails is tried again, nothing is waited for."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from gateway.mirror.archiver import LogArchiver
from storage.faults import StoreError
from translator.plan.model import WorkflowUuid

PATIENCE_SECONDS = 20.0
ONE, TWO = WorkflowUuid("1" * 32), WorkflowUuid("2" * 32)


@dataclass(slots=True)
class Moves:
    """Notes what it is asked for; `failing` fails so often, `left` waits since an earlier process."""

    has_place: bool = True
    failing: dict[WorkflowUuid, int] = field(default_factory=dict)
    left: tuple[WorkflowUuid, ...] = ()
    attended: Counter[WorkflowUuid] = field(default_factory=Counter)
    problems: list[tuple[WorkflowUuid, str]] = field(default_factory=list)
    tidied: int = 0
    free: threading.Event = field(default_factory=threading.Event)

    def wanted(self) -> bool:
        """As it was made."""
        return self.has_place

    def waiting(self, since: timedelta) -> tuple[WorkflowUuid, ...]:
        """As it was made, to whoever asks at once."""
        return self.left if not since else ()

    def attend(self, uuid: WorkflowUuid) -> None:
        """Count, and perhaps fail."""
        assert self.free.wait(PATIENCE_SECONDS)
        self.attended[uuid] += 1
        if self.failing.get(uuid, 0) >= self.attended[uuid]:
            raise StoreError("the bucket is away") if uuid == ONE else ValueError("a fault of ours")

    def note_problem(self, uuid: WorkflowUuid, problem: str) -> None:
        """Keep it."""
        self.problems.append((uuid, problem))

    def tidy(self) -> None:
        """Count, and fail: that must not end the thread."""
        self.tidied += 1
        raise OSError("a directory that cannot be read")


@contextmanager
def archiving(moves: Moves) -> Iterator[LogArchiver]:
    """A thread that does not take its time."""
    made = LogArchiver(
        moves, threading.Event(), settle_seconds=0.01, first_pause_seconds=0.001, sweep_seconds=0.05, drain_seconds=0.1
    )
    made.start()
    try:
        yield made
    finally:
        moves.free.set()
        made.stop()
        made.stop()


def test_what_has_changed_is_attended_to_once_for_many_changes() -> None:
    moves = Moves()
    with archiving(moves) as archiver:
        for _ in range(100):
            archiver.changed(ONE)
        archiver.changed(TWO)
        moves.free.set()
        assert archiver.wait_idle(PATIENCE_SECONDS)
    assert moves.attended[TWO] == 1
    # One change may have come while the first was attended to.
    assert 1 <= moves.attended[ONE] <= 2
    assert moves.tidied == 1


def test_what_fails_is_tried_again_and_keeps_nobody() -> None:
    moves = Moves(failing={ONE: 3, TWO: 2})
    moves.free.set()
    with archiving(moves) as archiver:
        archiver.changed(ONE)
        archiver.changed(TWO)
        assert archiver.wait_idle(PATIENCE_SECONDS)
    assert moves.attended == {ONE: 4, TWO: 3}
    assert Counter(moves.problems) == {(ONE, "the bucket is away"): 3, (TWO, "ValueError('a fault of ours')"): 2}


def test_what_an_earlier_process_left_is_looked_for() -> None:
    moves = Moves(left=(ONE, TWO))
    moves.free.set()
    with archiving(moves) as archiver:
        while moves.attended.total() < 2:
            threading.Event().wait(0.001)
        assert archiver.wait_idle(PATIENCE_SECONDS)
    assert moves.attended == {ONE: 1, TWO: 1}


def test_without_a_place_nothing_is_done() -> None:
    moves = Moves(has_place=False, left=(TWO,))
    with archiving(moves) as archiver:
        archiver.changed(ONE)
        assert archiver.wait_idle(PATIENCE_SECONDS)
    assert not moves.attended


def test_the_end_waits_for_what_is_quickly_done_and_for_no_more() -> None:
    quick = Moves()
    quick.free.set()
    archiver = LogArchiver(quick, threading.Event(), settle_seconds=3600)
    archiver.start()
    archiver.changed(ONE)
    archiver.stop()
    assert quick.attended == {ONE: 1}
    slow = Moves(failing={ONE: 10**6})
    slow.free.set()
    archiver = LogArchiver(slow, threading.Event(), settle_seconds=0.0, first_pause_seconds=3600, drain_seconds=3600)
    archiver.start()
    archiver.changed(ONE)
    while not slow.problems:
        threading.Event().wait(0.001)
    archiver.stop()
    assert slow.attended == {ONE: 1}


def test_one_that_was_never_started_ends() -> None:
    LogArchiver(Moves(), threading.Event()).stop()
