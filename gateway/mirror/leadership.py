"""One process acts on each cluster, however many gateways share the database.

All of them watch the cluster, to show its nodes and to be ready; the one that holds the backend's lock tracks its
workflows and changes what is there. A process that does not confirm its lock in time stops acting by itself, and only
later may another one take the lock from it: so a process that was stopped for a while, and knows nothing of it, finds
out before its next deed. What it was just about to write is refused by the fences of the rows.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection

import structlog

from gateway.ports.faults import StoreUnavailable
from gateway.ports.leadership import Locks

LEASE_SECONDS = 10.0
"""How long a lock counts without being confirmed. It is confirmed five times as often, and only when it has not been
for half as long again may others take it."""

_log = structlog.get_logger(__name__)


class SoleLeader:
    """Implements `gateway.ports.leadership.Leadership` where nobody else acts on any backend as a whole."""

    def shares(self, backend: str) -> bool:
        """No."""
        return False

    def leads(self, backend: str) -> bool:
        """Yes."""
        return True

    def start(self, on_change: Callable[[], None]) -> None:
        """Nothing to do."""

    def stop(self) -> None:
        """Nothing to do."""


class Election:
    """Implements `gateway.ports.leadership.Leadership` with one lock for each backend. `start` and `stop` once each."""

    def __init__(
        self,
        locks: Locks,
        backends: Collection[str],
        *,
        now: Callable[[], float] | None = None,
        lease_seconds: float = LEASE_SECONDS,
        confirm_every_seconds: float | None = None,
    ) -> None:
        self._locks = locks
        self._backends = tuple(backends)
        self._now = now or _uptime
        self._lease_seconds = lease_seconds
        self._every_seconds = confirm_every_seconds or lease_seconds / 5
        self._silent_seconds = lease_seconds * 1.5
        self._held: frozenset[str] = frozenset()
        self._confirmed_at = float("-inf")
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="election", daemon=True)
        self._on_change: Callable[[], None] = lambda: None

    def shares(self, backend: str) -> bool:
        """Whether other processes may act on a backend in this one's place."""
        return backend in self._backends

    def leads(self, backend: str) -> bool:
        """Whether this process acts on it now."""
        if backend not in self._backends:
            return True
        return backend in self._held and self._now() - self._confirmed_at < self._lease_seconds

    def start(self, on_change: Callable[[], None]) -> None:
        """Win what nobody has, at once; then stand for the rest again and again."""
        self._on_change = on_change
        self.stand()
        self._thread.start()

    def stop(self) -> None:
        """Leave everything to the others."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
        self._held = frozenset()
        self._locks.release_all()

    def stand(self) -> None:
        """Confirm what is held, and try to win the rest. For the thread that `start` begins, and tests."""
        asked_at, before = self._now(), self._held
        try:
            self._locks.confirm()
            self._held = frozenset(name for name in self._backends if self._won(name))
            # The moment before the question: what came later is not yet confirmed.
            self._confirmed_at = asked_at
        except StoreUnavailable as error:
            self._held = frozenset()
            if before:
                _log.warning("leadership lost with the database", backends=sorted(before), reason=str(error))
        if self._held != before:
            _log.info("leadership changed", leads=sorted(self._held))
            self._on_change()

    def _won(self, name: str) -> bool:
        if self._locks.take(name):
            return True
        if not self._locks.expel(name, self._silent_seconds):
            return False
        _log.warning("leadership taken from a process that does not answer", backend=name)
        return self._locks.take(name)

    def _run(self) -> None:
        while not self._stopped.wait(self._every_seconds):
            try:
                self.stand()
            except Exception:  # noqa: BLE001  the next attempt may succeed, and without any nobody would act
                _log.exception("election failed")
                self._held = frozenset()


def _uptime() -> float:
    # Counts also while the machine sleeps, where the kernel can tell.
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
