"""Reads a log on while it grows."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from engine.ports import LogLine
from gateway.store.log_choice import Choice
from gateway.store.log_records import whole_records
from gateway.store.log_sources import LogSource

# What one call reads at most, so that a long backlog streams instead of standing in memory.
_STEP_BYTES = 256 * 1024


class Origin(Protocol):
    """What a follower asks the log store."""

    def is_complete(self) -> bool:
        """Whether the log gets no more lines."""

    def leave(self, follower: Follower) -> None:
        """Wake this follower no more."""


class Follower:
    """Implements `gateway.ports.logs.Follow`.

    `start` is (piece, byte) from which on lines are new; `backlog` comes before them.
    """

    def __init__(
        self, pieces: LogSource, choice: Choice, origin: Origin, backlog: Iterable[LogLine], start: tuple[int, int]
    ) -> None:
        self._pieces = pieces
        self._choice = choice
        self._origin = origin
        self._backlog = deque(backlog)
        self._number, self._offset = start
        self._changed = threading.Event()
        # The first call has all there is.
        self._changed.set()
        self._wakers: list[Callable[[], None]] = []
        self._ended = False

    def __enter__(self) -> Follower:
        """Itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close."""
        self.close()

    @property
    def ended(self) -> bool:
        """Whether the workflow is sealed and everything was read."""
        return self._ended

    def advance(self) -> Sequence[LogLine]:
        """What has come since the last call, in bounded steps; empty if nothing has, or nothing that is chosen."""
        if self._ended:
            return ()
        self._changed.clear()
        if self._backlog:
            lines = tuple(self._backlog)
            self._backlog.clear()
            self.wake()
            return lines
        return tuple(self._read_on())

    def wait(self, timeout_seconds: float) -> bool:
        """Wait until `advance` may have something or `ended` may be true; False where the time ran out first."""
        return self._changed.wait(timeout_seconds)

    def on_change(self, wake: Callable[[], None]) -> None:
        """Call `wake` from another thread whenever `wait` would return."""
        self._wakers.append(wake)
        if self._changed.is_set():
            wake()

    def close(self) -> None:
        """Let go of everything; `wait` returns. Safe to repeat."""
        self._ended = True
        self._origin.leave(self)
        self.wake()

    def wake(self) -> None:
        """Tell that something may have changed."""
        self._changed.set()
        for waker in tuple(self._wakers):
            waker()

    def _read_on(self) -> Iterable[LogLine]:
        lines: list[LogLine] = []
        left = _STEP_BYTES
        # Asked before reading: what comes after the answer is found by the next call.
        complete = self._origin.is_complete()
        while left > 0:
            later = [number for number in self._pieces.numbers() if number > self._number]
            data = self._step(self._pieces.read(self._number, self._offset), left)
            self._offset += len(data)
            left -= len(data)
            lines.extend(self._choice.of(data))
            if data:
                continue
            if not later:
                self._ended = complete
                break
            self._number, self._offset = later[0], 0
        if left <= 0 or self._ended:
            self.wake()
        return lines

    @staticmethod
    def _step(data: bytes, left: int) -> bytes:
        if len(data) <= left:
            return data
        # At least one record, however long it is.
        return data[: whole_records(data[:left]) or data.index(b"\n") + 1]
