"""Checkpoints while a command runs: wait, upload, repeat. Source: workflow-spec.md §6.6."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from engine.data_moves import DataFault, Mover
from engine.reactor import Reactor, Timer
from engine.transfer_pool import TransferPool
from storage.faults import TransferStopped
from storage.trees import Tree
from translator.lifecycle.words import ExitCode
from translator.plan.model import CheckpointPlan

View = Callable[[str], AbstractContextManager[tuple[Tree, str]]]


class CheckpointClock:
    """The checkpoints of one attempt. Calls back on the engine's thread; `on_fault` where an upload failed."""

    def __init__(
        self, reactor: Reactor, transfers: TransferPool, mover: Mover, on_fault: Callable[[DataFault], None]
    ) -> None:
        self._reactor = reactor
        self._transfers = transfers
        self._mover = mover
        self._on_fault = on_fault
        self._timers: dict[CheckpointPlan, Timer] = {}
        self._uploading = 0
        self._ticking = False
        self._when_idle: Callable[[], None] | None = None

    def start(self, view: View) -> None:
        """Begin to wait."""
        self._ticking = True
        for checkpoint in self._mover.task.checkpoints:
            self._wait(checkpoint, view)

    def stop(self) -> None:
        """Begin no more uploads."""
        self._ticking = False
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def when_idle(self, action: Callable[[], None]) -> None:
        """Act when no upload is under way, or now."""
        if self._uploading:
            self._when_idle = action
        else:
            action()

    def save_all(self, view: View) -> DataFault | None:
        """The last upload of each, on the calling thread. Errors: TransferStopped."""
        faults = [self._mover.save_checkpoint(checkpoint, view) for checkpoint in self._mover.task.checkpoints]
        return next((fault for fault in faults if fault is not None), None)

    def _wait(self, checkpoint: CheckpointPlan, view: View) -> None:
        seconds = max(1, checkpoint.frequency_seconds)
        self._timers[checkpoint] = self._reactor.call_later(seconds, lambda: self._upload(checkpoint, view))

    def _upload(self, checkpoint: CheckpointPlan, view: View) -> None:
        self._uploading += 1
        self._transfers.submit(
            lambda: self._mover.save_checkpoint(checkpoint, view),
            lambda outcome: self._uploaded(checkpoint, view, outcome),
        )

    def _uploaded(self, checkpoint: CheckpointPlan, view: View, outcome: DataFault | Exception | None) -> None:
        self._uploading -= 1
        if isinstance(outcome, Exception) and not isinstance(outcome, TransferStopped):
            outcome = DataFault(ExitCode.UPLOAD_FAILED, f"Checkpoint upload failed: {checkpoint.path}: {outcome}")
        if isinstance(outcome, DataFault):
            self._on_fault(outcome)
        elif self._ticking:
            self._wait(checkpoint, view)
        if not self._uploading and self._when_idle is not None:
            action, self._when_idle = self._when_idle, None
            action()
