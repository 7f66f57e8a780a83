"""What all replies have in common that go on while a workflow runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Growing(Protocol):
    """Bytes that become more until the workflow is sealed.

    Contract: one reader; `on_change` once, before the first `advance`; `close` at the end, whatever happened.
    """

    def advance(self) -> bytes:
        """What has come since the last call, in bounded pieces; empty if nothing has. Does not wait for more."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will come. Asked after an empty `advance`."""

    def on_change(self, wake: Callable[[], None]) -> None:
        """Call `wake` from another thread when there may be more."""

    def close(self) -> None:
        """Let go of everything. Safe to repeat."""
