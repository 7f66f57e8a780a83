"""A few threads that do what runs call for, each run by one thread at a time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import structlog

_Item = TypeVar("_Item", bound=Hashable)

_log = structlog.get_logger(__name__)


class Workers(Generic[_Item]):
    """Calls `work` for items that were asked for. An item that is asked for while it is worked on comes again after."""

    def __init__(self, work: Callable[[_Item], None], count: int, name: str) -> None:
        self._work = work
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._waiting: set[_Item] = set()
        self._working: set[_Item] = set()
        self._threads = [
            threading.Thread(target=self._run, name=f"{name} {number}", daemon=True) for number in range(count)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def ask(self, item: _Item) -> None:
        """Have an item worked on. Returns at once; asked for twice before that, it is done once."""
        with self._lock:
            if item in self._waiting:
                return
            self._waiting.add(item)
            if item in self._working:
                return
        self._queue.put(item)

    def stop(self, timeout_seconds: float = 10.0) -> None:
        """Finish what is being worked on, and end."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout_seconds)

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            with self._lock:
                self._waiting.discard(item)
                self._working.add(item)
            try:
                self._work(item)
            except Exception:  # noqa: BLE001
                _log.exception("work failed", item=str(item))
            finally:
                with self._lock:
                    self._working.discard(item)
                    again = item in self._waiting
                if again:
                    self._queue.put(item)
