"""The loop of the launcher. See `protocol` for what it is asked and answers."""

from __future__ import annotations

import gc
import os
import selectors
import signal
import socket
import time

from engine.launcher import family, linux
from engine.launcher.boxes import Boxes
from engine.launcher.commands import Commands
from engine.launcher.elsewhere import Elsewhere
from engine.launcher.limits import allow_many_descriptors
from engine.launcher.protocol import Channel, text
from engine.launcher.visiting import Visitor, can_visit

_LAST_KILL_SECONDS = 10.0
_POLL_SECONDS = 0.002


def main(descriptor: int, *held: int) -> None:
    """Serve the engine on a connected socket until it closes, then end everything and exit.

    Shape: `held` descriptors are kept open. Neither they nor the socket are handed on to what is started.
    """
    for kept in (descriptor, *held):
        os.set_inheritable(kept, False)
    linux.end_with_parent(signal.SIGTERM)
    linux.adopt_orphans()
    os.umask(0o022)
    allow_many_descriptors()
    # There are no cycles to collect, and looking for them would touch pages that forks share.
    gc.disable()
    gc.freeze()
    Launcher(socket.socket(fileno=descriptor)).run()


class Launcher:
    """Starts what it is told and watches it; one loop on one thread, which a second one serves."""

    def __init__(self, connection: socket.socket) -> None:
        self._channel = Channel(connection)
        self._selector = selectors.DefaultSelector()
        elsewhere = Elsewhere()
        visitor = Visitor() if can_visit() else None
        self._boxes = Boxes(self._channel, self._selector, elsewhere)
        self._commands = Commands(self._channel, self._selector, self._boxes, elsewhere, visitor)
        self._asked_to_end = False
        self._requests = {
            "box": self._boxes.open,
            "start": self._commands.start,
            "signal": self._commands.signal,
            "release": self._commands.release,
            "clear": self._commands.clear,
            "unbox": self._boxes.close,
        }

    def run(self) -> None:
        """Serve until the engine is gone, then kill everything."""
        woken = self._wake_at_signals()
        self._selector.register(woken, selectors.EVENT_READ, lambda: self._on_signal(woken))
        self._selector.register(self._channel, selectors.EVENT_READ, self._on_request)
        watched = selectors.EVENT_READ
        while self._channel.open and not self._asked_to_end:
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._channel.unsent else 0)
            if wanted != watched:
                self._selector.modify(self._channel, wanted, self._on_request)
                watched = wanted
            for key, _ in self._selector.select():
                key.data()
        self._end_everything()

    def _wake_at_signals(self) -> int:
        """The descriptor of a pipe that can be read after a signal."""
        woken, wake = os.pipe()
        os.set_blocking(woken, False)
        os.set_blocking(wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._on_end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        return woken

    def _on_end(self, *_: object) -> None:
        self._asked_to_end = True

    def _on_signal(self, woken: int) -> None:
        try:
            os.read(woken, 4096)
        except BlockingIOError:
            return
        self._look_around()

    def _on_request(self) -> None:
        self._channel.flush()
        for request in self._channel.receive():
            self._requests[text(request, "op")](request)
        self._look_around()

    def _look_around(self) -> None:
        # Commands first: the end of a sandbox waits until those that were put into it are waited for.
        self._commands.look_around()
        self._boxes.look_around()

    def _end_everything(self) -> None:
        """Kill all descendants until there are none: also those that nobody remembers."""
        own = os.getpid()
        deadline = time.monotonic() + _LAST_KILL_SECONDS
        self._boxes.kill_all()
        self._commands.kill_all()
        while time.monotonic() < deadline:
            for pid in list(family.descendants_of(own)):
                family.kill(pid)
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    time.sleep(_POLL_SECONDS)
            except ChildProcessError:
                return
