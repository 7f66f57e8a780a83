"""What a command writes, on its way from two pipes to log lines."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable

from engine.log_lines import LineSplitter, Masker
from engine.reactor import Reactor

_READ_BYTES = 64 * 1024
_READS_PER_TURN = 4


class OutputStream:
    """The reading end of one pipe. Calls back on the engine's thread; `on_closed` once, after the last lines."""

    def __init__(
        self, reactor: Reactor, descriptor: int, masker: Masker, on_lines: Callable[[list[str]], None]
    ) -> None:
        os.set_blocking(descriptor, False)
        self._reactor = reactor
        self._descriptor = descriptor
        self._splitter = LineSplitter(masker)
        self._on_lines = on_lines
        self.on_closed: Callable[[], None] = lambda: None
        self.closed = False
        reactor.watch(descriptor, self._on_readable)

    def drain(self) -> None:
        """Take what is there now and close, whoever may still hold the other end; no `on_closed`."""
        self.on_closed = lambda: None
        while not self.closed and self._read():
            pass
        self._close()

    def _on_readable(self) -> None:
        # Not until it is empty: one task that writes without end must not starve the others.
        for _ in range(_READS_PER_TURN):
            if self.closed or not self._read():
                return

    def _read(self) -> bool:
        """Take one piece; false where there is none now."""
        try:
            data = os.read(self._descriptor, _READ_BYTES)
        except BlockingIOError:
            return False
        if data:
            if lines := self._splitter.feed(data, time.monotonic()):
                self._on_lines(lines)
            return len(data) == _READ_BYTES
        self._close()
        return False

    def _close(self) -> None:
        if self.closed:
            return
        self.closed = True
        self._reactor.unwatch(self._descriptor)
        with contextlib.suppress(OSError):
            os.close(self._descriptor)
        if lines := self._splitter.finish():
            self._on_lines(lines)
        self.on_closed()
