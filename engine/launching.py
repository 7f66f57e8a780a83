"""The engine's end of the launcher: requests go out, replies become calls, all on the engine's thread."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NewType

from engine.launcher.protocol import Channel, Message, number, text

BoxId = NewType("BoxId", int)
CommandId = NewType("CommandId", int)

_BOOT = (
    "import sys; sys.path.insert(0, sys.argv[1]); from engine.launcher.main import main; main(*map(int, sys.argv[2:]))"
)
_EXIT_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class LaunchFailure:
    """Why a sandbox or a command could not be started."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to start. Shape: `box` None: as a plain process; `marker` is a whole `NAME=value` of the environment."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    directory: str
    box: BoxId | None = None
    privileged: bool = False
    marker: str = ""


class LauncherClient:
    """A running launcher.

    Contract: `open` and `close` by the thread that lives as long as the launcher shall; replies come as calls from
    `on_readable`. Every id is answered in the end, unless the launcher dies: then `on_lost` is called, and no call for
    an earlier request comes any more; `close` is next, then perhaps `open` again.
    """

    def __init__(self, on_lost: Callable[[], None]) -> None:
        self._on_lost = on_lost
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._ids = itertools.count(1)
        self._boxed: dict[int, Callable[[int | LaunchFailure], None]] = {}
        self._cleared: dict[int, Callable[[bool], None]] = {}
        self._unboxed: dict[int, Callable[[], None]] = {}
        self._started: dict[int, Callable[[int | LaunchFailure], None]] = {}
        self._ended: dict[int, Callable[[int], None]] = {}
        self._released: dict[int, Callable[[], None]] = {}
        # Descriptors are closed here when the kernel has taken them over.
        self._in_flight: list[int] = []

    def open(self, *held: int) -> None:
        """Start the process. Shape: `held` descriptors stay open as long as anything runs that it started."""
        ours, theirs = socket.socketpair()
        with theirs:
            package_root = Path(__file__).resolve().parent.parent
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-I",
                    "-S",
                    "-E",
                    "-c",
                    _BOOT,
                    str(package_root),
                    str(theirs.fileno()),
                    *map(str, held),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno(), *held],
                env={},
                cwd="/",
                start_new_session=True,
            )
        self._channel = Channel(ours)

    def close(self) -> None:
        """End the process and with it everything it started; returns when all that is gone."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._process is not None:
            try:
                self._process.wait(_EXIT_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        self._close_descriptors()

    def fileno(self) -> int:
        """The descriptor to watch."""
        return self._connected().fileno()

    @property
    def wants_to_write(self) -> bool:
        """Whether `on_writable` has work."""
        return self._channel is not None and self._channel.unsent

    def on_writable(self) -> None:
        """Send what could not be sent before."""
        self._connected().flush()
        self._close_descriptors()

    def on_readable(self) -> None:
        """Take replies and make the calls for them."""
        channel = self._connected()
        for reply in channel.receive():
            self._take(reply)
        if not channel.open and self._channel is channel:
            self._lose()

    def open_box(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        watched: Sequence[str],
        on_open: Callable[[int | LaunchFailure], None],
    ) -> BoxId:
        """Start a sandbox; `on_open` gets the pid of its first process. A failed one needs `close_box` all the same.

        Shape: `watched` are the directories of the sandbox that lie in memory and can be written.
        """
        box = BoxId(next(self._ids))
        self._boxed[box] = on_open
        request: Message = {"op": "box", "id": box, "argv": list(argv), "environment": dict(environment)}
        self._send({**request, "watched": list(watched)})
        return box

    def clear_box(self, box: BoxId, on_cleared: Callable[[bool], None]) -> None:
        """Forget the commands of a sandbox; `on_cleared` gets whether they have left nothing but files on disk."""
        self._cleared[box] = on_cleared
        self._send({"op": "clear", "id": box})

    def close_box(self, box: BoxId, on_closed: Callable[[], None]) -> None:
        """Kill everything in a sandbox."""
        self._unboxed[box] = on_closed
        self._send({"op": "unbox", "id": box})

    def start(
        self,
        command: Command,
        outputs: tuple[int, int],
        on_started: Callable[[int | LaunchFailure], None],
        on_ended: Callable[[int], None],
    ) -> CommandId:
        """Start a command with (stdout, stderr), which this call takes over.

        Shape: `on_ended` gets the exit code, or minus the signal. A command needs `release` when it is over.
        """
        started = CommandId(next(self._ids))
        self._started[started] = on_started
        self._ended[started] = on_ended
        request: Message = {
            "op": "start",
            "id": started,
            "argv": list(command.argv),
            "environment": dict(command.environment),
            "directory": command.directory,
            "privileged": int(command.privileged),
            "marker": command.marker,
        }
        if command.box is not None:
            request["box"] = command.box
        self._send(request, outputs)
        return started

    def signal(self, command: CommandId, which: int) -> None:
        """Signal the process group of a command, if it is there."""
        self._send({"op": "signal", "id": command, "signal": int(which)})

    def release(self, command: CommandId, on_released: Callable[[], None]) -> None:
        """Kill what is left of a command and forget it."""
        self._released[command] = on_released
        self._send({"op": "release", "id": command})

    def _connected(self) -> Channel:
        if self._channel is None:
            raise RuntimeError("The launcher is not open; call open() first")
        return self._channel

    def _send(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        channel = self._connected()
        self._in_flight.extend(descriptors)
        channel.send(message, descriptors)
        self._close_descriptors()

    def _close_descriptors(self) -> None:
        if not self.wants_to_write:
            for descriptor in self._in_flight:
                os.close(descriptor)
            self._in_flight.clear()

    def _take(self, reply: Message) -> None:
        identity = number(reply, "id")
        outcome = (
            LaunchFailure(text(reply, "error")) if "error" in reply else number(reply, "pid") if "pid" in reply else 0
        )
        match text(reply, "op"):
            case "boxed":
                self._boxed.pop(identity)(outcome)
            case "started":
                if isinstance(outcome, LaunchFailure):
                    self._ended.pop(identity, None)
                self._started.pop(identity)(outcome)
            case "ended":
                self._ended.pop(identity)(number(reply, "status"))
            case "cleared":
                self._cleared.pop(identity)(not isinstance(outcome, LaunchFailure))
            case "unboxed":
                self._boxed.pop(identity, None)
                self._unboxed.pop(identity)()
            case "released":
                self._ended.pop(identity, None)
                if (on_released := self._released.pop(identity, None)) is not None:
                    on_released()
            case unknown:
                raise AssertionError(f"The launcher said {unknown!r}, which the protocol does not have")

    def _lose(self) -> None:
        for waiting in (self._boxed, self._cleared, self._unboxed, self._started, self._ended, self._released):
            waiting.clear()
        self._on_lost()
