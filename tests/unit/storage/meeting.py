"""How many jobs are under way at a time."""

from __future__ import annotations

import threading


class Meeting:
    """A job that waits until so many others are under way too. Shape: `most` is how many were at a time."""

    def __init__(self, meets: int) -> None:
        self.most = 0
        self._under_way = 0
        self._lock = threading.Lock()
        self._all_here = threading.Barrier(meets)

    def __call__(self) -> None:
        """Be under way until enough are."""
        with self._lock:
            self._under_way += 1
            self.most = max(self.most, self._under_way)
        self._all_here.wait(10)
        with self._lock:
            self._under_way -= 1
