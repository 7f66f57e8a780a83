"""Several transfers at a time, as few as a store stands, without a queue that grows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from types import TracebackType
from typing import Protocol, Self

from storage.connections import Connections
from storage.faults import TransferStopped

# What is under way in lanes beyond the usual ones may be in memory; together it is no more than this.
_MORE_BYTES = 16 * 1024 * 1024


class StopSign(Protocol):
    """Says whether to stop. A `threading.Event` is one."""

    def is_set(self) -> bool:
        """Whether to stop now."""


class Never:
    """A sign that is never given."""

    def is_set(self) -> bool:
        """False."""
        return False


NEVER = Never()


class Lanes:
    """Runs jobs, up to `count` at a time, or as many as `connections` say, `most` at the most; with one lane on the
    calling thread.

    Jobs are handed `self` as their sign to stop, which also stops them when another one failed. Leaving the block
    waits for all and raises what the first to fail raised.
    """

    def __init__(
        self, count: int, stopped: StopSign, connections: Connections | None = None, most: int | None = None
    ) -> None:
        self._count = count
        self._most = most
        self._connections = connections
        self._stopped = stopped
        self._failure: BaseException | None = None
        self._is_left = False
        self._under_way = 0
        self._bytes = 0
        self._freed = threading.Condition(threading.Lock())
        self._use = ExitStack()
        self._threads = _threads(count) if count > 1 or connections is not None else None
        # Of their own: one pool for all would have a thread for each of the most there may be, which costs time.
        self._more_threads = _threads(connections.most) if connections is not None else None

    def is_set(self) -> bool:
        """Whether a job should stop."""
        return self._failure is not None or self._is_left or self._stopped.is_set()

    def run(self, job: Callable[[], None], size: int = 0) -> None:
        """Run a job, or wait for a free lane and have it run there.

        Shape: `size` is that of what the job has in memory at the most. Units: bytes.
        Errors: TransferStopped; its own with one lane.
        """
        if self._threads is None:
            if self._stopped.is_set():
                raise TransferStopped
            job()
            return
        with self._freed:
            # How many there may be changes by what was moved: it is asked again when a job ended.
            while not self._is_free(size):
                self._freed.wait()
            if self.is_set():
                raise self._failure or TransferStopped
            self._under_way += 1
            self._bytes += size
            is_usual = self._under_way <= self._count
        threads = self._threads if is_usual or self._more_threads is None else self._more_threads
        threads.submit(self._ride, job, size)

    def __enter__(self) -> Self:
        if self._connections is not None:
            self._use.enter_context(self._connections.used())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._threads is None:
            return
        self._is_left = error is not None
        self._threads.shutdown()
        if self._more_threads is not None:
            self._more_threads.shutdown()
        self._use.close()
        # That it was told to stop is only what followed from the failure of another one.
        if self._failure is not None and (error is None or isinstance(error, TransferStopped)):
            raise self._failure

    def _is_free(self, size: int) -> bool:
        if self._connections is None:
            return self._under_way < self._count
        allowed = self._connections.now(self._count, self._most)
        if self._under_way < min(allowed, self._count):
            return True
        return self._under_way < allowed and self._bytes + size <= _MORE_BYTES

    def _ride(self, job: Callable[[], None], size: int) -> None:
        try:
            job()
        except BaseException as error:  # noqa: BLE001  it is raised again where the lanes are left
            if self._failure is None:
                self._failure = error
        finally:
            with self._freed:
                self._under_way -= 1
                self._bytes -= size
                self._freed.notify()


def _threads(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, thread_name_prefix="transfer-lane")
