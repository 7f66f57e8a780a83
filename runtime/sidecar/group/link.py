"""How the part of a sidecar that looks after its own task speaks with its group."""

from __future__ import annotations

from typing import Protocol

from runtime.sidecar.group.words import Do, Order, Phase


class Director(Protocol):
    """What a group orders. Called on the loop; each may come at any time, also twice."""

    def go(self, round_number: int) -> None:
        """Start the command, if it waits."""

    def restart(self, round_number: int) -> None:
        """Kill the command and have it wait again, if it runs."""

    def stop(self, code: int, reason: str) -> None:
        """End whatever it does; the wrapper ends with `code`."""


class GroupLink(Protocol):
    """The way to a group."""

    async def open(self, director: Director) -> None:
        """Begin to take orders."""

    def report(self, phase: Phase, *, attempt: int, round_number: int = 0, status: int = 0) -> None:
        """Tell what changed."""

    async def leave(self) -> None:
        """Return when all was heard that should be, or after some seconds."""

    async def close(self) -> None:
        """Give up all connections."""


class NoGroup:
    """The group of a task that stands alone: whoever waits may go."""

    def __init__(self) -> None:
        self._director: Director | None = None

    async def open(self, director: Director) -> None:
        """Take the director."""
        self._director = director

    def report(self, phase: Phase, *, attempt: int, round_number: int = 0, status: int = 0) -> None:
        """Let it go."""
        if phase is Phase.WAITING and self._director is not None:
            self._director.go(0)

    async def leave(self) -> None:
        """There is nobody to tell."""

    async def close(self) -> None:
        """There is nothing to give up."""


def direct(director: Director, order: Order) -> None:
    """Have an order carried out."""
    match order.do:
        case Do.GO:
            director.go(order.round)
        case Do.RESTART:
            director.restart(order.round)
        case Do.STOP:
            director.stop(order.code, order.reason)
        case Do.NOTE:
            pass
