"""Who sends a large file now: few at a time, more where each gets little of a long way and none is held in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from storage.faults import TransferStopped
from storage.lanes import StopSign

_LOOK_SECONDS = 0.05


class Turns:
    """Lets `usual` at a time begin, and up to `most` of those that are let when there are more. Any thread."""

    def __init__(self, usual: int, most: int) -> None:
        self._usual = usual
        self._most = most
        self._under_way = 0
        self._freed = threading.Condition()

    @contextmanager
    def one(self, may_be_more: Callable[[], bool], stopped: StopSign) -> Iterator[None]:
        """Wait for a turn, and have it while the block runs. Errors: TransferStopped."""
        with self._freed:
            while self._under_way >= (self._most if may_be_more() else self._usual):
                if stopped.is_set():
                    raise TransferStopped
                self._freed.wait(_LOOK_SECONDS)
            self._under_way += 1
        try:
            yield
        finally:
            with self._freed:
                self._under_way -= 1
                self._freed.notify()
