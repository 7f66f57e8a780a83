"""Removes what is due from time to time, as long as the gateway runs."""

from __future__ import annotations

import threading

import structlog

from gateway.ports.faults import StoreUnavailable
from gateway.services.retention import Retention
from storage.faults import TransferStopped

_LOG = structlog.stdlib.get_logger(__name__)


class RetentionKeeper:
    """A thread of its own, since a removal takes as long as its store does.

    Shape: `first_seconds` pass before the first look, so that a start is not held up by it.
    """

    def __init__(self, retention: Retention, *, first_seconds: float = 30.0) -> None:
        self._retention = retention
        self._first_seconds = first_seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End what is under way, and wait for it. Safe to repeat, also where it was never started."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        pause = self._first_seconds
        while not self._stopped.wait(pause):
            try:
                self._look()
                pause = self._retention.every_seconds()
            except TransferStopped:
                return
            except Exception as error:  # noqa: BLE001  one that fails must not be the last
                _LOG.warning("retention failed", exc_info=None if isinstance(error, StoreUnavailable) else error)

    def _look(self) -> None:
        report = self._retention.sweep(self._stopped)
        removed = [entry for entry in report.workflows if not entry.problem]
        if removed:
            _LOG.info(
                "retention",
                workflows=len(removed),
                objects=sum(entry.objects for entry in removed),
                bytes=sum(entry.bytes for entry in removed),
                logs=sum(entry.logs for entry in removed),
                records=sum(entry.record for entry in removed),
            )
