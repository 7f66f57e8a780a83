"""Time: the machine's, and one that tests move by hand."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

# Alarms are looked at this often at least, so that a clock that is set forward is noticed.
_LONGEST_SLEEP_SECONDS = 30.0

_log = structlog.get_logger(__name__)


class _Alarm:
    """Implements `gateway.ports.clock.Alarm`."""

    def __init__(self, action: Callable[[], None]) -> None:
        self._action: Callable[[], None] | None = action

    def cancel(self) -> None:
        """Do not make the call, if it was not made yet."""
        self._action = None

    def ring(self) -> None:
        """Make the call, once."""
        action, self._action = self._action, None
        if action is None:
            return
        try:
            action()
        except Exception:  # noqa: BLE001
            _log.exception("alarm failed")


class _Alarms:
    """Alarms by time; those of the same time in the order in which they were asked for."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, int, _Alarm]] = []
        self._numbers = itertools.count()

    def add(self, due: datetime, action: Callable[[], None]) -> _Alarm:
        alarm = _Alarm(action)
        heapq.heappush(self._heap, (due, next(self._numbers), alarm))
        return alarm

    def next_due(self) -> datetime | None:
        return self._heap[0][0] if self._heap else None

    def pop(self, now: datetime) -> _Alarm | None:
        """The next alarm that is due."""
        if self._heap and self._heap[0][0] <= now:
            return heapq.heappop(self._heap)[2]
        return None


class SystemClock:
    """Implements `gateway.ports.clock.Clock` with the machine's clock and one thread, begun at the first alarm."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._alarms = _Alarms()
        self._thread: threading.Thread | None = None
        self._closed = False

    def now(self) -> datetime:
        """The time."""
        return datetime.now(UTC).replace(tzinfo=None)

    def call_at(self, due: datetime, action: Callable[[], None]) -> _Alarm:
        """Call `action` once, as soon as the time is `due` or later."""
        with self._changed:
            alarm = self._alarms.add(due, action)
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="clock", daemon=True)
                self._thread.start()
            self._changed.notify()
        return alarm

    def close(self) -> None:
        """Make no more calls."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                alarm = None
                while not self._closed and (alarm := self._alarms.pop(self.now())) is None:
                    due = self._alarms.next_due()
                    wait = _LONGEST_SLEEP_SECONDS if due is None else (due - self.now()).total_seconds()
                    self._changed.wait(max(0.0, min(wait, _LONGEST_SLEEP_SECONDS)))
            if alarm is None:
                return
            alarm.ring()


class VirtualClock:
    """Implements `gateway.ports.clock.Clock`; time stands still until `advance`."""

    def __init__(self, start: datetime) -> None:
        self._lock = threading.Lock()
        self._now = start
        self._alarms = _Alarms()

    def now(self) -> datetime:
        """The time."""
        with self._lock:
            return self._now

    def call_at(self, due: datetime, action: Callable[[], None]) -> _Alarm:
        """Call `action` once from the thread that moves the time; at once where it is due already."""
        with self._lock:
            alarm = self._alarms.add(due, action)
            is_due = due <= self._now
        if is_due:
            alarm.ring()
        return alarm

    def next_due(self) -> datetime | None:
        """When the next alarm rings, if any (a cancelled one counts)."""
        with self._lock:
            return self._alarms.next_due()

    def advance(self, by: timedelta) -> None:
        """Let time pass; every alarm rings at its own time."""
        self.advance_to(self.now() + by)

    def advance_to(self, target: datetime) -> None:
        """Let time pass until `target`."""
        while True:
            with self._lock:
                due = self._alarms.next_due()
                if due is None or due > target:
                    self._now = max(self._now, target)
                    return
                self._now = max(self._now, due)
                alarm = self._alarms.pop(self._now)
            if alarm is not None:
                alarm.ring()
