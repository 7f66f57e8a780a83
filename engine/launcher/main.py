"""The loop of the launcher. See `protocol` for what it is asked and answers."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from engine.launcher import family, linux
from engine.launcher.protocol import Channel, Message
from engine.launcher.starting import Start, fork_starter

_LAST_KILL_SECONDS = 10.0
INFO_DESCRIPTOR = 3


def main(descriptor: int, *held: int) -> None:
    """Serve the engine on a connected socket until it closes, then end everything and exit.

    Shape: `held` descriptors are kept open. Neither they nor the socket are handed on to what is started.
    """
    for kept in (descriptor, *held):
        os.set_inheritable(kept, False)
    linux.end_with_parent(signal.SIGTERM)
    linux.adopt_orphans()
    os.umask(0o022)
    Launcher(socket.socket(fileno=descriptor)).run()


@dataclass
class _Box:
    """A sandbox: bubblewrap, holding namespaces open; `ready` is closed to end it."""

    monitor: int
    ready: socket.socket
    info: int
    errors: int
    first: int | None = None
    # Holds the first process, so that its id is not mistaken for that of another.
    handle: int = -1
    closing: bool = False


@dataclass
class _Command:
    """A command. `pid` is None until its starter told it; `status` is known once it ended."""

    box: int | None
    marker: str
    starter: int | None
    told: bool = False
    pid: int | None = None
    status: int | None = None
    releasing: bool = False
    reaped: bool = False
    # A signal that came before the pid was known.
    pending_signal: int = 0


class Launcher:
    """Starts what it is told and watches it; one thread, one loop."""

    def __init__(self, connection: socket.socket) -> None:
        self._channel = Channel(connection)
        self._boxes: dict[int, _Box] = {}
        self._commands: dict[int, _Command] = {}
        self._selector = selectors.DefaultSelector()
        self._asked_to_end = False
        self._requests: dict[str, Callable[[Message], None]] = {
            "box": self._open_box,
            "start": self._start,
            "signal": self._signal,
            "release": self._release,
            "unbox": self._close_box,
        }

    def run(self) -> None:
        """Serve until the engine is gone, then kill everything."""
        woken, wake = os.pipe()
        os.set_blocking(woken, False)
        os.set_blocking(wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._on_end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
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

    def _on_end(self, *_: object) -> None:
        self._asked_to_end = True

    def _on_signal(self, woken: int) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(woken, 4096)
        self._look_around()

    def _on_request(self) -> None:
        self._channel.flush()
        for request in self._channel.receive():
            self._requests[cast(str, request["op"])](request)

    # Sandboxes

    def _open_box(self, request: Message) -> None:
        number = cast(int, request["id"])
        ready, theirs = socket.socketpair()
        info, info_write = os.pipe()
        errors, errors_write = os.pipe()
        argv = cast(list[str], request["argv"])
        actions = [
            (os.POSIX_SPAWN_DUP2, theirs.fileno(), 0),
            (os.POSIX_SPAWN_DUP2, theirs.fileno(), 1),
            (os.POSIX_SPAWN_DUP2, errors_write, 2),
            (os.POSIX_SPAWN_DUP2, info_write, INFO_DESCRIPTOR),
        ]
        try:
            environment = cast(dict[str, str], request["environment"])
            monitor = os.posix_spawn(argv[0], argv, environment, file_actions=actions, setsigdef=[signal.SIGPIPE])
        except OSError as error:
            for descriptor in (info, errors):
                os.close(descriptor)
            ready.close()
            self._channel.send({"op": "boxed", "id": number, "error": f"{argv[0]}: {error.strerror}"})
            return
        finally:
            theirs.close()
            os.close(info_write)
            os.close(errors_write)
        self._boxes[number] = _Box(monitor, ready, info, errors)
        # The sandbox's command returns what it reads: when this comes back, everything is mounted.
        ready.send(b"?")
        self._selector.register(ready, selectors.EVENT_READ, lambda: self._on_box_ready(number))

    def _on_box_ready(self, number: int) -> None:
        box = self._boxes[number]
        self._selector.unregister(box.ready)
        answer = b""
        with contextlib.suppress(OSError):
            answer = box.ready.recv(1)
        if not answer:
            self._fail_box(number, box)
            return
        text = os.read(box.info, 4096)
        os.close(box.info)
        os.close(box.errors)
        # {"child-pid": 123, ...}; a whole JSON parser is not needed for it.
        box.first = int(text.partition(b'"child-pid":')[2].split(b",")[0].strip(b" \n}"))
        box.handle = family.held(box.first)
        if box.closing:
            self._kill_box(box)
        else:
            self._channel.send({"op": "boxed", "id": number, "pid": box.first})

    def _fail_box(self, number: int, box: _Box) -> None:
        text = os.read(box.errors, 4096).decode(errors="replace").strip()
        os.close(box.info)
        os.close(box.errors)
        if not box.closing:
            # It is kept until the engine asks to close it.
            self._channel.send({"op": "boxed", "id": number, "error": text or "the sandbox ended at once"})
        self._look_around()

    def _close_box(self, request: Message) -> None:
        number = cast(int, request["id"])
        box = self._boxes.get(number)
        if box is None:
            self._channel.send({"op": "unboxed", "id": number})
            return
        box.closing = True
        if box.ready.fileno() in self._selector.get_map():
            # While it is being set up its processes do not yet die together; that takes a few milliseconds.
            return
        self._kill_box(box)

    def _kill_box(self, box: _Box) -> None:
        # All others die with the first process. It dies with its parent, by bubblewrap's own doing, but not from the
        # very beginning on.
        if box.first is not None:
            family.kill_held(box.handle, box.first)
        family.kill(box.monitor)
        self._look_around()

    # Commands

    def _start(self, request: Message) -> None:
        number = cast(int, request["id"])
        stdout, stderr = self._channel.taken_descriptor(), self._channel.taken_descriptor()
        in_box = cast("int | None", request.get("box"))
        box = None if in_box is None else self._boxes.get(in_box)
        try:
            if in_box is not None and (box is None or box.closing or box.first is None):
                self._channel.send({"op": "started", "id": number, "error": "the sandbox is not there any more"})
                return
            starter, told = fork_starter(
                Start(
                    argv=cast(list[str], request["argv"]),
                    environment=cast(dict[str, str], request["environment"]),
                    directory=cast(str, request["directory"]),
                    stdout=stdout,
                    stderr=stderr,
                    inside=None if box is None else box.first,
                    privileged=bool(request.get("privileged")),
                )
            )
        except OSError as error:
            self._channel.send({"op": "started", "id": number, "error": f"fork: {error.strerror}"})
            return
        finally:
            os.close(stdout)
            os.close(stderr)
        self._commands[number] = _Command(in_box, cast(str, request.get("marker") or ""), starter)
        self._selector.register(told, selectors.EVENT_READ, lambda: self._on_told(number, told))

    def _on_told(self, number: int, told: int) -> None:
        self._selector.unregister(told)
        text = os.read(told, 4096).decode(errors="replace")
        os.close(told)
        command = self._commands[number]
        command.told = True
        if text.startswith("!"):
            # Kept until its starter is waited for.
            command.status, command.reaped = 0, True
            self._channel.send({"op": "started", "id": number, "error": text[1:]})
        else:
            command.pid = int(text) if text else command.starter
            if command.pid == command.starter:
                command.starter = None
            self._channel.send({"op": "started", "id": number, "pid": command.pid})
            if command.pending_signal and command.pid is not None:
                family.kill_group(command.pid, command.pending_signal)
        self._look_around()

    def _signal(self, request: Message) -> None:
        command = self._commands.get(cast(int, request["id"]))
        if command is None or command.reaped:
            return
        if command.pid is None:
            command.pending_signal = cast(int, request["signal"])
        else:
            family.kill_group(command.pid, cast(int, request["signal"]))

    def _release(self, request: Message) -> None:
        number = cast(int, request["id"])
        command = self._commands.get(number)
        if command is None:
            self._channel.send({"op": "released", "id": number})
            return
        command.releasing = True
        command.pending_signal = signal.SIGKILL
        if command.pid is not None and not command.reaped:
            family.kill_group(command.pid, signal.SIGKILL)
        self._look_around()

    # What happened meanwhile

    def _look_around(self) -> None:
        for number, command in list(self._commands.items()):
            self._look_at_command(number, command)
        for number, box in list(self._boxes.items()):
            self._look_at_box(number, box)

    def _look_at_command(self, number: int, command: _Command) -> None:
        # Not before it told: it may be the command itself, whose status would be lost.
        if command.told and command.starter is not None and family.reaped(command.starter) is not None:
            command.starter = None
        if command.pid is not None and command.status is None:
            command.status = family.exit_status(command.pid)
            if command.status is not None:
                command.reaped = not hasattr(os, "waitid")
                self._channel.send({"op": "ended", "id": number, "status": command.status})
        if command.status is None:
            return
        box = None if command.box is None else self._boxes.get(command.box)
        if not command.releasing and not (box is not None and box.closing):
            return
        if not command.reaped and command.pid is not None:
            # Once more: the group may have grown since, and its id is given back by the next line.
            family.kill_group(command.pid, signal.SIGKILL)
            command.reaped = family.reaped(command.pid) is not None
        if command.reaped and command.starter is None and not self._left_behind(command):
            del self._commands[number]
            if command.releasing:
                self._channel.send({"op": "released", "id": number})

    def _left_behind(self, command: _Command) -> bool:
        """Whether processes of a command without a sandbox are still there; they are killed."""
        if not command.marker:
            return False
        known = {pid for other in self._commands.values() for pid in (other.pid, other.starter)}
        known |= {pid for box in self._boxes.values() for pid in (box.monitor, box.first)}
        left = False
        for child in family.children_of(os.getpid()):
            if child in known or family.reaped(child) is not None:
                continue
            for pid in (child, *family.descendants_of(child)):
                if family.carries(pid, command.marker):
                    family.kill(pid)
                    left = True
        return left

    def _look_at_box(self, number: int, box: _Box) -> None:
        if box.monitor and family.reaped(box.monitor) is not None:
            box.monitor = 0
        if box.monitor or not box.closing:
            return
        if box.first is not None:
            if family.reaped(box.first) is None and not family.over(box.handle, box.first):
                return
            if box.handle >= 0:
                os.close(box.handle)
            box.ready.close()
        elif box.ready.fileno() in self._selector.get_map():
            # It was closed before it was set up; the end of its socket is still to come.
            return
        else:
            box.ready.close()
        del self._boxes[number]
        self._channel.send({"op": "unboxed", "id": number})

    def _end_everything(self) -> None:
        """Kill all descendants until there are none: also those that nobody remembers."""
        own = os.getpid()
        deadline = time.monotonic() + _LAST_KILL_SECONDS
        for box in self._boxes.values():
            family.kill(box.monitor)
        for command in self._commands.values():
            if command.pid is not None and not command.reaped:
                family.kill_group(command.pid, signal.SIGKILL)
        while time.monotonic() < deadline:
            for pid in list(family.descendants_of(own)):
                family.kill(pid)
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    time.sleep(0.002)
            except ChildProcessError:
                return
