"""Brings logs to the place of logs beside the mirror's loop, which only says what has changed.

One thread. What it has not done when it is killed, or while the place does not answer, waits in rows and is looked for
every so often.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Protocol

import structlog

from gateway.ports.faults import StoreUnavailable
from storage.faults import StoreError, TransferStopped
from translator.plan.model import WorkflowUuid

# Attempts that end shortly after each other are taken out of the log together.
_SETTLE_SECONDS = 1.0
_SWEEP_SECONDS = 30.0
_ASK_SECONDS = 1.0
_FIRST_PAUSE_SECONDS = 2.0
_DRAIN_SECONDS = 5.0
_GRACE = timedelta(seconds=60)
_LONGEST_PAUSE_SECONDS = 60.0
_LONGEST_WAIT_SECONDS = 600.0

_log = structlog.stdlib.get_logger(__name__)


class LogMoves(Protocol):
    """What knows how logs are moved."""

    def wanted(self) -> bool:
        """Whether there is a place that logs go to. Quick."""

    def waiting(self, since: timedelta) -> tuple[WorkflowUuid, ...]:
        """Sealed logs that nobody has brought to the place for so long. Errors: StoreUnavailable."""

    def attend(self, uuid: WorkflowUuid) -> None:
        """Bring to the place what is ready to go there.

        Errors: StoreError with what to do; StoreUnavailable; TransferStopped.
        """

    def note_problem(self, uuid: WorkflowUuid, problem: str) -> None:
        """Say with the workflow why its log waits. Errors: StoreUnavailable."""

    def tidy(self) -> None:
        """Delete local files of logs that are in the place. Errors: StoreUnavailable, OSError."""


class LogArchiver:
    """Call `start` once, and `stop` once, whatever happened; `stopped` is what `moves` looks at too.

    Units: seconds. `clock` is monotonic.
    """

    def __init__(
        self,
        moves: LogMoves,
        stopped: threading.Event,
        *,
        settle_seconds: float = _SETTLE_SECONDS,
        sweep_seconds: float = _SWEEP_SECONDS,
        first_pause_seconds: float = _FIRST_PAUSE_SECONDS,
        drain_seconds: float = _DRAIN_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._moves = moves
        self._stopped = stopped
        self._settle_seconds = settle_seconds
        self._sweep_seconds = sweep_seconds
        self._first_pause_seconds = first_pause_seconds
        self._drain_seconds = drain_seconds
        self._clock = clock
        self._changed = threading.Condition()
        # When each is to be attended to.
        self._due: dict[WorkflowUuid, float] = {}
        self._tries: dict[WorkflowUuid, int] = {}
        self._next_sweep = clock()
        self._grace = timedelta(0)
        # Asked for by this thread alone: the answer may be in files.
        self._wanted = moves.wanted()
        self._failures = 0
        self._busy = False
        self._thread = threading.Thread(target=self._run, name="log-archiver", daemon=True)

    def changed(self, uuid: WorkflowUuid) -> None:
        """Attempts of a workflow, or the workflow itself, may have ended. From any thread; returns at once."""
        if not self._wanted:
            return
        with self._changed:
            if uuid not in self._due:
                self._due[uuid] = self._clock() + self._settle_seconds
                self._changed.notify_all()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Bring away what is ready, if that is quickly done; then end. Safe to repeat, also where it was never started.

        The rest waits in rows for the next start.
        """
        with self._changed:
            if self._thread.is_alive() and not self._stopped.is_set():
                self._settle_seconds = 0.0
                self._due = dict.fromkeys(self._due, self._clock())
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._failures or not (self._due or self._busy), self._drain_seconds)
            self._stopped.set()
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def wait_idle(self, timeout_seconds: float) -> bool:
        """Wait until nothing is to be done; False where the time ran out first."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._due and not self._busy, timeout_seconds)

    def _run(self) -> None:
        self._guarded(self._moves.tidy)
        while not self._stopped.is_set():
            uuid = self._next()
            if uuid is None:
                continue
            try:
                self._attend(uuid)
            finally:
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()

    def _next(self) -> WorkflowUuid | None:
        """Wait for something to do; None where it is time to look again."""
        now = self._clock()
        self._guarded(self._ask)
        if now >= self._next_sweep:
            self._next_sweep = now + self._sweep_seconds
            self._guarded(self._sweep)
        with self._changed:
            first = min(self._due, key=self._due.__getitem__, default=None)
            until = min(self._next_sweep, now + _ASK_SECONDS)
            if first is not None:
                until = min(until, self._due[first])
                if self._due[first] <= self._clock():
                    del self._due[first]
                    self._busy = True
                    return first
            self._changed.wait(max(0.0, until - self._clock()))
        return None

    def _ask(self) -> None:
        self._wanted = self._moves.wanted()

    def _sweep(self) -> None:
        if not self._wanted:
            return
        # At first what an earlier process left; later what nobody else seems to be about to do.
        since, self._grace = self._grace, _GRACE
        for uuid in self._moves.waiting(since):
            with self._changed:
                self._due.setdefault(uuid, self._clock())

    def _attend(self, uuid: WorkflowUuid) -> None:
        try:
            self._moves.attend(uuid)
            self._failures = 0
            self._tries.pop(uuid, None)
        except TransferStopped:
            return
        except (StoreError, StoreUnavailable) as error:
            self._failed(uuid, str(error))
        except Exception as error:  # noqa: BLE001  one log that cannot be moved must not keep the others
            _log.exception("log not moved", workflow=uuid)
            self._failed(uuid, repr(error))

    def _failed(self, uuid: WorkflowUuid, reason: str) -> None:
        tries = self._tries[uuid] = self._tries.get(uuid, 0) + 1
        wait = min(self._first_pause_seconds * 2 ** min(tries - 1, 20), _LONGEST_WAIT_SECONDS)
        pause = min(self._first_pause_seconds * 2 ** min(self._failures, 20), _LONGEST_PAUSE_SECONDS)
        self._failures += 1
        _log.warning("log stays here, trying again", workflow=uuid, reason=reason, seconds=wait)
        self._guarded(partial(self._moves.note_problem, uuid, reason))
        with self._changed:
            self._due[uuid] = self._clock() + wait
        # Others would fare no better at this moment: they go to the same place.
        self._stopped.wait(pause)

    def _guarded(self, action: Callable[[], None]) -> None:
        with suppress(TransferStopped):
            try:
                action()
            except Exception as error:  # noqa: BLE001  it is tried again at the next look
                _log.warning("logs not looked after", exc_info=None if isinstance(error, StoreUnavailable) else error)
