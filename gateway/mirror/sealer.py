"""Seals the logs of finished workflows beside the mirror's loop: compressing and flushing takes milliseconds."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from datetime import timedelta

import structlog

from engine.crashpoints import crash_point
from gateway.ports.clock import Clock
from gateway.ports.logs import Logs
from translator.plan.model import WorkflowUuid

_AGAIN_AFTER = timedelta(seconds=5)

_log = structlog.get_logger(__name__)


class Sealer:
    """One thread, begun at the first workflow; `done` is called when a log is sealed."""

    def __init__(self, logs: Logs, clock: Clock, done: Callable[[WorkflowUuid], None]) -> None:
        self._logs = logs
        self._clock = clock
        self._done = done
        self._queue: queue.SimpleQueue[WorkflowUuid | None] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._open = 0
        self._thread: threading.Thread | None = None

    def seal(self, uuid: WorkflowUuid) -> None:
        """Have a workflow's log sealed. Returns at once."""
        with self._changed:
            self._open += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="log-sealer", daemon=True)
                self._thread.start()
        self._queue.put(uuid)

    def wait_idle(self, timeout_seconds: float) -> bool:
        """Wait until nothing is being sealed; what failed and is tried again later does not count."""
        with self._changed:
            return self._changed.wait_for(lambda: self._open == 0, timeout_seconds)

    def close(self) -> None:
        """Finish what was asked for, and end."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()

    def _run(self) -> None:
        while (uuid := self._queue.get()) is not None:
            try:
                self._seal(uuid)
            finally:
                with self._changed:
                    self._open -= 1
                    self._changed.notify_all()

    def _seal(self, uuid: WorkflowUuid) -> None:
        crash_point("mirror.sealing")
        try:
            self._logs.seal(uuid)
        except Exception:  # noqa: BLE001
            _log.exception("log not sealed, trying again later", workflow=uuid)
            self._clock.call_at(self._clock.now() + _AGAIN_AFTER, lambda: self.seal(uuid))
            return
        crash_point("mirror.log-sealed")
        self._done(uuid)
