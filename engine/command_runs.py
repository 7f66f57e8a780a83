"""The command of an attempt while it runs: its pipes, its end, and its restart in place.

A command is over when it has ended and both its outputs are closed, whoever held them. Source: workflow-spec.md §8.1.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

from engine.cells.cell import Cell
from engine.crashpoints import crash_point
from engine.launching import LaunchFailure
from engine.log_lines import Masker
from engine.reactor import Reactor
from engine.reporting import AttemptVoice
from engine.streams import OutputStream

_CANNOT_START_CODE = 2


@dataclass(slots=True)
class _Run:
    """One start of the command. Shape: `status` is its exit code or minus its signal, once it ended."""

    streams: tuple[OutputStream, OutputStream]
    status: int | None = None
    on_killed: Callable[[], None] | None = None


class CommandRuns:
    """Starts the command of one attempt, also again. Calls back on the engine's thread.

    Shape: `on_started` gets the pid; `on_over` gets the exit code, or minus the signal, of a run that was not killed
    for a restart.
    """

    def __init__(
        self,
        reactor: Reactor,
        voice: AttemptVoice,
        masker: Masker,
        on_started: Callable[[int], None],
        on_over: Callable[[int], None],
    ) -> None:
        self._reactor = reactor
        self._voice = voice
        self._masker = masker
        self._on_started = on_started
        self._on_over = on_over
        self._run: _Run | None = None
        self._former: list[OutputStream] = []

    def start(self, cell: Cell) -> None:
        """Start the command. Errors: OSError where there are no descriptors left."""
        if self._run is not None:
            # Whoever survived in the cell may still write to them.
            self._former = [stream for stream in (*self._former, *self._run.streams) if not stream.closed]
        (out, out_end), (error, error_end) = os.pipe(), os.pipe()
        crash_point("command.pipes-made")
        run = _Run((self._stream(out), self._stream(error)))
        for stream in run.streams:
            stream.on_closed = lambda: self._check(run)
        self._run = run
        cell.start(
            (out_end, error_end),
            lambda outcome: self._started(run, outcome),
            lambda status: self._ended(run, status),
        )
        crash_point("command.start-asked")

    def kill_for_restart(self, cell: Cell, on_killed: Callable[[], None]) -> None:
        """Kill the command's process group; `on_killed` when the command has ended, and no `on_over`."""
        run = self._run
        if run is None or run.on_killed is not None:
            return
        run.on_killed = on_killed
        # Also where the command itself has ended: others of its group may hold its outputs.
        cell.signal(signal.SIGKILL)
        if run.status is not None:
            on_killed()

    def drain(self) -> None:
        """Take what was written until now and close all pipes."""
        for stream in (*self._former, *(self._run.streams if self._run is not None else ())):
            stream.drain()

    def _stream(self, descriptor: int) -> OutputStream:
        return OutputStream(self._reactor, descriptor, self._masker, self._voice.program)

    def _started(self, run: _Run, outcome: int | LaunchFailure) -> None:
        if isinstance(outcome, LaunchFailure):
            self._voice.system(f"Cannot start the command: {outcome.reason}")
            self._ended(run, _CANNOT_START_CODE)
        else:
            self._on_started(outcome)

    def _ended(self, run: _Run, status: int) -> None:
        crash_point("command.exit-seen")
        run.status = status
        if run.on_killed is not None:
            run.on_killed()
        else:
            self._check(run)

    def _check(self, run: _Run) -> None:
        if run.status is None or run.on_killed is not None or not all(stream.closed for stream in run.streams):
            return
        for stream in self._former:
            stream.drain()
        self._on_over(run.status)
