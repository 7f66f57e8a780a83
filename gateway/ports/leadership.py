"""Who acts on a backend that several processes know: one of them at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Leadership(Protocol):
    """Says for each backend whether this process may act on it now."""

    def shares(self, backend: str) -> bool:
        """Whether other processes may act on a backend in this one's place."""

    def leads(self, backend: str) -> bool:
        """Whether this process acts on it now. It may stop doing so at any time, so this is asked before each deed."""

    def start(self, on_change: Callable[[], None]) -> None:
        """Begin to stand for election; `on_change` is called, on any thread, when a backend was won or lost."""

    def stop(self) -> None:
        """Leave everything to the others."""


class Locks(Protocol):
    """Locks that a process holds as long as it lives and answers. Errors of all methods: StoreUnavailable."""

    def take(self, name: str) -> bool:
        """Whether this process holds the lock now; it does not wait for it."""

    def confirm(self) -> None:
        """Return if all that was taken is still held. Errors: StoreUnavailable, and then nothing is."""

    def expel(self, name: str, silent_seconds: float) -> bool:
        """Take a lock from a process that has not confirmed it for so long; whether there was one to be taken."""

    def release_all(self) -> None:
        """Give everything back. No error: what cannot be said goes with the connection."""
