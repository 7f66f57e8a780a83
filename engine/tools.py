"""Programs that the engine runs for itself: started by the launcher, their output collected on the engine's loop."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from engine.launching import Command, CommandId, LauncherClient, LaunchFailure
from engine.reactor import Reactor

_MAX_OUTPUT_BYTES = 64 * 1024


class Tools:
    """Runs programs without waiting for them."""

    def __init__(self, launcher: LauncherClient, reactor: Reactor) -> None:
        self._launcher = launcher
        self._reactor = reactor

    def run(self, argv: Sequence[str], environment: Mapping[str, str], on_done: Callable[[int, str], None]) -> None:
        """Run a program; `on_done` gets its exit code and what it wrote, up to 64 KiB."""
        _ToolRun(self._launcher, self._reactor, on_done).start(argv, environment)


class _ToolRun:
    """One run: over when the program has ended and its output is closed."""

    def __init__(self, launcher: LauncherClient, reactor: Reactor, on_done: Callable[[int, str], None]) -> None:
        self._launcher = launcher
        self._reactor = reactor
        self._on_done = on_done
        self._output = b""
        self._code: int | None = None
        self._open = True
        self._readable = -1
        self._command: CommandId | None = None

    def start(self, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        self._readable, writable = os.pipe()
        os.set_blocking(self._readable, False)
        self._reactor.watch(self._readable, self._on_readable)
        command = Command(argv=argv, environment=environment, directory="/")
        outputs = (writable, os.dup(writable))
        self._command = self._launcher.start(command, outputs, self._on_started, self._on_ended)

    def _on_started(self, outcome: int | LaunchFailure) -> None:
        if isinstance(outcome, LaunchFailure):
            self._output += outcome.reason.encode(errors="replace")
            self._on_ended(127)

    def _on_readable(self) -> None:
        data = os.read(self._readable, 65536)
        if data:
            self._output = (self._output + data)[-_MAX_OUTPUT_BYTES:]
            return
        self._reactor.unwatch(self._readable)
        os.close(self._readable)
        self._open = False
        self._finish()

    def _on_ended(self, code: int) -> None:
        self._code = code
        self._finish()

    def _finish(self) -> None:
        if self._open or self._code is None or self._command is None:
            return
        self._launcher.release(self._command, lambda: None)
        self._command = None
        self._on_done(self._code, self._output.decode(errors="replace"))
