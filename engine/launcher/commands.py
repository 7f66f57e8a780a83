"""The commands that the launcher has started."""

from __future__ import annotations

import os
import selectors
import signal

from engine.launcher import family
from engine.launcher.boxes import Boxes
from engine.launcher.elsewhere import Elsewhere
from engine.launcher.protocol import Channel, Message, number, text
from engine.launcher.starting import Start, fork_starter
from engine.launcher.visiting import Visitor


class Command:
    """A command. `pid` is None until its starter told it; `status` is known once it ended."""

    __slots__ = ("box", "marker", "pending_signal", "pid", "reaped", "releasing", "starter", "status", "told")

    def __init__(self, box: int | None, marker: str, *, starter: int | None = None, pid: int | None = None) -> None:
        self.box = box
        self.marker = marker
        self.starter = starter
        self.told = pid is not None
        self.pid = pid
        self.status: int | None = None
        self.releasing = False
        self.reaped = False
        # A signal that came before the pid was known.
        self.pending_signal = 0

    def signal(self, which: int) -> None:
        """Signal its process group, now or as soon as it is known."""
        if self.pid is None:
            self.pending_signal = which
        elif not self.reaped:
            family.kill_group(self.pid, which)


class Commands:
    """All commands, by number."""

    def __init__(
        self,
        channel: Channel,
        selector: selectors.BaseSelector,
        boxes: Boxes,
        elsewhere: Elsewhere,
        visitor: Visitor | None,
    ) -> None:
        self._channel = channel
        self._selector = selector
        self._boxes = boxes
        self._elsewhere = elsewhere
        self._visitor = visitor
        self._commands: dict[int, Command] = {}

    def start(self, request: Message) -> None:
        """Start one; it is told whether that went well, and later how it ended."""
        identity = number(request, "id")
        stdout, stderr = self._channel.taken_descriptor(), self._channel.taken_descriptor()
        in_box = number(request, "box") if "box" in request else None
        box = self._boxes.get(in_box)
        start = Start(request, stdout, stderr, None if box is None else box.first)
        try:
            if in_box is not None and box is None:
                raise OSError(0, "the sandbox is not there any more")
            if self._visitor is not None and box is not None and box.open_to_visits and not start.privileged:
                self._started(identity, Command(in_box, "", pid=self._visitor.start(start)))
            else:
                starter, told = self._elsewhere.call(lambda: fork_starter(start))
                self._commands[identity] = Command(in_box, text(request, "marker"), starter=starter)
                self._selector.register(told, selectors.EVENT_READ, lambda: self._on_told(identity, told))
        except OSError as error:
            self._channel.send({"op": "started", "id": identity, "error": error.strerror or str(error)})
        finally:
            os.close(stdout)
            os.close(stderr)

    def signal(self, request: Message) -> None:
        """Signal the process group of one."""
        command = self._commands.get(number(request, "id"))
        if command is not None:
            command.signal(number(request, "signal"))

    def release(self, request: Message) -> None:
        """Kill what is left of one; it is told when nothing is."""
        identity = number(request, "id")
        command = self._commands.get(identity)
        if command is None:
            self._channel.send({"op": "released", "id": identity})
            return
        command.releasing = True
        command.signal(signal.SIGKILL)

    def clear(self, request: Message) -> None:
        """Forget the commands of a sandbox, all of which have ended; it is told whether the next one may use it."""
        identity = number(request, "id")
        for known, command in list(self._commands.items()):
            if command.box == identity and command.status is not None:
                self._forget(known, command)
        box = self._boxes.get(identity)
        told: Message = {"op": "cleared", "id": identity}
        if box is None:
            told["error"] = "it is not there any more"
        elif any(command.box == identity for command in self._commands.values()):
            told["error"] = "a command runs in it"
        elif not box.left_untouched():
            told["error"] = "something was left in it"
        self._channel.send(told)

    def kill_all(self) -> None:
        """Kill the groups of all."""
        for command in self._commands.values():
            command.signal(signal.SIGKILL)

    def look_around(self) -> None:
        """Take note of what has ended."""
        for identity, command in list(self._commands.items()):
            # Not before it told: it may be the command itself, whose status would be lost.
            if command.told and command.starter is not None and family.reaped(command.starter) is not None:
                command.starter = None
            if command.pid is not None and command.status is None:
                self._look_for_end(identity, command)
            if command.status is not None and (command.releasing or self._boxes.closing(command.box)):
                self._forget(identity, command)

    def _look_for_end(self, identity: int, command: Command) -> None:
        assert command.pid is not None
        command.status = family.exit_status(command.pid)
        if command.status is not None:
            command.reaped = not hasattr(os, "waitid")
            self._channel.send({"op": "ended", "id": identity, "status": command.status})

    def _forget(self, identity: int, command: Command) -> None:
        if not command.reaped and command.pid is not None:
            # Once more: the group may have grown since, and its id is given back by the next line.
            family.kill_group(command.pid, signal.SIGKILL)
            command.reaped = family.reaped(command.pid) is not None
        if command.reaped and command.starter is None and not self._left_behind(command):
            del self._commands[identity]
            if command.releasing:
                self._channel.send({"op": "released", "id": identity})

    def _left_behind(self, command: Command) -> bool:
        """Whether processes of a command without a sandbox are still there; they are killed."""
        if not command.marker:
            return False
        known = self._boxes.pids() | {pid for one in self._commands.values() for pid in (one.pid, one.starter)}
        left = False
        for child in family.children_of(os.getpid()):
            if child in known or family.reaped(child) is not None:
                continue
            for pid in (child, *family.descendants_of(child)):
                if family.carries(pid, command.marker):
                    family.kill(pid)
                    left = True
        return left

    def _started(self, identity: int, command: Command) -> None:
        self._commands[identity] = command
        self._channel.send({"op": "started", "id": identity, "pid": command.pid or 0})
        if command.pending_signal:
            command.signal(command.pending_signal)

    def _on_told(self, identity: int, told: int) -> None:
        self._selector.unregister(told)
        message = os.read(told, 4096).decode(errors="replace")
        os.close(told)
        command = self._commands[identity]
        command.told = True
        if message.startswith("!"):
            # Kept until its starter is waited for.
            command.status, command.reaped = 0, True
            self._channel.send({"op": "started", "id": identity, "error": message[1:]})
        else:
            command.pid = int(message) if message else command.starter
            if command.pid == command.starter:
                command.starter = None
            self._started(identity, command)
        self.look_around()
