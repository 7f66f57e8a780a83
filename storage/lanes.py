"""Several transfers at a time, as few as a store stands, without a queue that grows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Protocol, Self

from storage.faults import TransferStopped


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
    """Runs jobs, up to `count` at a time; with one lane on the calling thread.

    Jobs are handed `self` as their sign to stop, which also stops them when another one failed. Leaving the block
    waits for all and raises what the first to fail raised.
    """

    def __init__(self, count: int, stopped: StopSign) -> None:
        self._stopped = stopped
        self._failure: BaseException | None = None
        self._is_left = False
        self._free = threading.BoundedSemaphore(count)
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="transfer-lane") if count > 1 else None

    def is_set(self) -> bool:
        """Whether a job should stop."""
        return self._failure is not None or self._is_left or self._stopped.is_set()

    def run(self, job: Callable[[], None]) -> None:
        """Run a job, or wait for a free lane and have it run there. Errors: TransferStopped; its own with one lane."""
        if self._threads is None:
            if self._stopped.is_set():
                raise TransferStopped
            job()
            return
        self._free.acquire()
        if self.is_set():
            self._free.release()
            raise self._failure or TransferStopped
        self._threads.submit(self._ride, job)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._threads is None:
            return
        self._is_left = error is not None
        self._threads.shutdown()
        # That it was told to stop is only what followed from the failure of another one.
        if self._failure is not None and (error is None or isinstance(error, TransferStopped)):
            raise self._failure

    def _ride(self, job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as error:  # noqa: BLE001  it is raised again where the lanes are left
            if self._failure is None:
                self._failure = error
        finally:
            self._free.release()
