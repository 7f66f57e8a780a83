"""How long a store that does not answer well is tried again."""

from __future__ import annotations

import time
from dataclasses import dataclass

from storage.faults import TransferStopped
from storage.lanes import StopSign


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often, and with which pauses, a store is asked again. Units: seconds."""

    tries: int = 8
    first_pause_seconds: float = 0.2
    longest_pause_seconds: float = 10.0
    request_seconds: float = 600.0
    silence_seconds: float = 60.0
    connect_seconds: float = 10.0

    def pause(self, number: int) -> float:
        """The pause before try `number`, from 1 on."""
        return float(min(self.first_pause_seconds * 2 ** (number - 1), self.longest_pause_seconds))

    def wait(self, number: int, stopped: StopSign) -> None:
        """Let the pause before try `number` pass. Errors: TransferStopped, as soon as it is told."""
        until = time.monotonic() + self.pause(number)
        while not stopped.is_set() and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))
        if stopped.is_set():
            raise TransferStopped
