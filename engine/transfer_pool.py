"""A few threads for transfers; what comes of them is told on the engine's thread."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from engine.reactor import Reactor
from storage.faults import TransferStopped

_Result = TypeVar("_Result")
_log = logging.getLogger(__name__)


class TransferPool:
    """Runs jobs in the order they come, some at a time. Threads are made when they are needed."""

    def __init__(self, reactor: Reactor, threads: int) -> None:
        self._reactor = reactor
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="engine-transfer")

    def submit(self, job: Callable[[], _Result], on_done: Callable[[_Result | Exception], None]) -> None:
        """Run a job; `on_done` gets its result or what it raised (TransferStopped where it was stopped)."""
        self._threads.submit(self._run, job, on_done)

    def close(self) -> None:
        """Wait for jobs that run; those that wait are dropped."""
        self._threads.shutdown(cancel_futures=True)

    def _run(self, job: Callable[[], _Result], on_done: Callable[[_Result | Exception], None]) -> None:
        outcome: _Result | Exception
        try:
            outcome = job()
        except TransferStopped as stopped:
            outcome = stopped
        except Exception as error:  # noqa: BLE001  the attempt fails with it, other transfers go on
            _log.exception("A transfer failed unexpectedly")
            outcome = error
        self._reactor.post(lambda: on_done(outcome))
