"""Ctrl-C and its relatives as something to look at, not something that strikes in the middle of a write."""

from __future__ import annotations

import os
import signal
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Who presses a third time does not want to wait for anything.
_PATIENCE = 2


class Interrupts:
    """Counts the wishes of the user, or of who started this process, to end it. Use as a context manager.

    The third one ends the process at once.
    """

    def __init__(self) -> None:
        self.count = 0
        self.first: int | None = None
        self._before: dict[int, signal._HANDLER] = {}

    def __enter__(self) -> Interrupts:
        for number in _SIGNALS:
            # What was told to ignore a signal (nohup) goes on ignoring it.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def exit_code(self) -> int:
        """What a shell reports for a program that was ended by the first of these signals."""
        return 128 + (self.first or signal.SIGINT)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        # No locks, no output: this runs between any two steps of the main thread.
        self.count += 1
        self.first = self.first or number
        if self.count > _PATIENCE:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
