"""The connections to one store one way, which all transfers of a process share: how many there should be now."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from storage.pace import Pace, Use

# Asking costs as much as so many bytes: without it small objects would be nothing.
_REQUEST_BYTES = 256 * 1024
# The time of an object of this size is that of its answer.
_SMALL_BYTES = 64 * 1024


class Meter(Protocol):
    """Is told what requests meet. Any thread."""

    def answered(self, seconds: float) -> None:
        """The answer to a request without contents began after this time."""

    def refused(self) -> None:
        """The store asks for fewer requests."""


class Unmetered:
    """Measures nothing."""

    def answered(self, seconds: float) -> None:
        """See Meter."""

    def refused(self) -> None:
        """See Meter."""


UNMETERED: Meter = Unmetered()


class Connections:
    """How many connections are worth having. Any thread. It is a Meter.

    Shape: `most` of all transfers together, unless there are so many transfers that each has but its usual number.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self._clock = clock
        self._pace = Pace()
        self._users = 0
        self._lock = threading.Lock()

    @property
    def is_far(self) -> bool:
        """Whether the store is known to be far away."""
        with self._lock:
            return self._pace.is_far

    @property
    def is_near(self) -> bool:
        """Whether the store is known to be near."""
        with self._lock:
            return self._pace.is_near

    def now(self, least: int, most: int | None = None) -> int:
        """How many a transfer may have that has `least` where no more pay, and never more than `most`."""
        with self._lock:
            share = self.most // max(self._users, 1)
            use = Use(least=least, most=share if most is None else min(share, most))
            return self._pace.number(self._clock(), use)

    @contextmanager
    def used(self) -> Iterator[None]:
        """While the block runs one more transfer shares them."""
        self._change(1)
        try:
            yield
        finally:
            self._change(-1)

    @contextmanager
    def moving(self, size: int) -> Iterator[None]:
        """The block moves a piece of contents of this size over one connection; it counts if it ends well."""
        begun = self._clock()
        yield
        ended = self._clock()
        with self._lock:
            if size <= _SMALL_BYTES:
                self._pace.answered(ended - begun)
            self._pace.moved(size + _REQUEST_BYTES, begun, ended)

    def answered(self, seconds: float) -> None:
        """See Meter."""
        with self._lock:
            self._pace.answered(seconds)

    def refused(self) -> None:
        """See Meter."""
        with self._lock:
            self._pace.refused(self._clock())

    def _change(self, users: int) -> None:
        with self._lock:
            self._users += users
            self._pace.changed(self._clock())
