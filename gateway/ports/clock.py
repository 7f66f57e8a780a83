"""Time as a parameter, so that tests need not wait."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol


class Alarm(Protocol):
    """A call that was asked for with `Clock.call_at`."""

    def cancel(self) -> None:
        """Do not make the call, if it was not made yet. Safe to repeat."""


class Clock(Protocol):
    """Tells the time and calls back. Units: naive UTC datetimes."""

    def now(self) -> datetime:
        """The time."""

    def call_at(self, due: datetime, action: Callable[[], None]) -> Alarm:
        """Call `action` once, from a thread of the clock, as soon as the time is `due` or later.

        The action must return quickly; one that raises is logged and does not stop the clock.
        """
