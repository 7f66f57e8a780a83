"""How long to wait before the next attempt, and a wait that ends when the runner stops."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from gateway.runners.argo.faults import TryAgain

_T = TypeVar("_T")


class Stopping(Exception):
    """The runner was told to stop while something waited."""


@dataclass(slots=True, kw_only=True)
class Patience:
    """Waits between attempts: doubling from `first_seconds` to `most_seconds`, with jitter so that many spread out."""

    stopped: threading.Event
    first_seconds: float = 0.2
    most_seconds: float = 30.0
    chance: random.Random = field(default_factory=random.Random)

    def wait(
        self, attempt: int, at_least_seconds: float | None = None, *, unless: threading.Event | None = None
    ) -> None:
        """Wait before attempt `attempt` + 1, counted from 0, `unless` is set, which whoever stops has to do as well.

        Errors: Stopping.
        """
        delay = min(self.first_seconds * 2 ** min(attempt, 16), self.most_seconds)
        delay *= self.chance.uniform(0.5, 1.0)
        (unless or self.stopped).wait(max(delay, at_least_seconds or 0.0))
        if self.stopped.is_set():
            raise Stopping

    def call(self, action: Callable[[], _T], attempts: int = 8) -> _T:
        """What `action` returns, tried again while it may work later. Errors: its own; TryAgain after the last."""
        for attempt in range(attempts - 1):
            if self.stopped.is_set():
                raise Stopping
            try:
                return action()
            except TryAgain as error:
                self.wait(attempt, error.after_seconds)
        return action()
