"""The sandboxes that the launcher holds open."""

from __future__ import annotations

import os
import selectors
import signal
import socket

from engine.launcher import family, linux
from engine.launcher.elsewhere import Elsewhere
from engine.launcher.protocol import Channel, Message, number, table, words
from engine.launcher.traces import Sight, sight_of
from engine.launcher.visiting import can_visit

INFO_DESCRIPTOR = 3


class Box:
    """One sandbox: bubblewrap, holding namespaces open.

    Shape: `monitor` is bubblewrap's own process, 0 once it ended; `first` the first process inside, known once the
    sandbox is set up, and `handle` holds it, so that its id is not mistaken for that of another; `open_to_visits`
    tells whether the launcher can enter it and come back; `untouched` is what it looked like when it was set up.
    """

    __slots__ = (
        "closing",
        "errors",
        "first",
        "handle",
        "info",
        "monitor",
        "open_to_visits",
        "ready",
        "untouched",
        "watched",
    )

    def __init__(self, argv: list[str], environment: dict[str, str], watched: list[str], elsewhere: Elsewhere) -> None:
        self.ready, theirs = socket.socketpair()
        self.info, info_write = os.pipe()
        self.errors, errors_write = os.pipe()
        self.first: int | None = None
        self.handle = -1
        self.open_to_visits = False
        self.closing = False
        self.watched = watched
        self.untouched: Sight | None = None
        actions = [
            (os.POSIX_SPAWN_DUP2, theirs.fileno(), 0),
            (os.POSIX_SPAWN_DUP2, theirs.fileno(), 1),
            (os.POSIX_SPAWN_DUP2, errors_write, 2),
            (os.POSIX_SPAWN_DUP2, info_write, INFO_DESCRIPTOR),
        ]
        try:
            # It sets up what it does as root, and dies with the thread that started it.
            self.monitor = elsewhere.call(
                lambda: os.posix_spawn(argv[0], argv, environment, file_actions=actions, setsigdef=[signal.SIGPIPE])
            )
        except OSError:
            self.ready.close()
            self.close_pipes()
            raise
        finally:
            theirs.close()
            os.close(info_write)
            os.close(errors_write)
        # Sandboxes are set up and taken down beside tasks, and should not hold them up.
        family.yield_to_others(self.monitor)
        # The sandbox's command returns what it reads: when this comes back, everything is mounted.
        self.ready.send(b"?")

    def stand(self, first: int) -> None:
        """Take note that it is set up."""
        self.first = first
        self.handle = family.held(first)
        self.open_to_visits = can_visit() and linux.in_own_user_namespace(first)
        self.untouched = self._look()

    def left_untouched(self) -> bool:
        """Whether it looks as when it was set up, apart from files on disk."""
        return self.untouched is not None and self._look() == self.untouched

    def close_pipes(self) -> None:
        """Close what is read once only."""
        os.close(self.info)
        os.close(self.errors)

    def kill(self) -> None:
        """Kill all that runs inside, by its first process.

        That one dies with its parent by bubblewrap's own doing, but not from the very beginning on.
        """
        if self.first is not None:
            family.kill_held(self.handle, self.first)
        family.kill(self.monitor)

    def gone(self) -> bool:
        """Whether nothing of it runs any more."""
        if self.monitor and family.reaped(self.monitor) is not None:
            self.monitor = 0
        if self.monitor:
            return False
        if self.first is None:
            return True
        return family.reaped(self.first) is not None or family.over(self.handle, self.first)

    def _look(self) -> Sight | None:
        try:
            return None if self.first is None else sight_of(self.first, self.watched)
        except OSError:
            return None


class Boxes:
    """All sandboxes, by number."""

    def __init__(self, channel: Channel, selector: selectors.BaseSelector, elsewhere: Elsewhere) -> None:
        self._channel = channel
        self._selector = selector
        self._elsewhere = elsewhere
        self._boxes: dict[int, Box] = {}

    def open(self, request: Message) -> None:
        """Start one; it is told when it stands."""
        identity = number(request, "id")
        try:
            box = Box(words(request, "argv"), table(request, "environment"), words(request, "watched"), self._elsewhere)
        except OSError as error:
            failure = f"{words(request, 'argv')[0]}: {error.strerror}"
            self._channel.send({"op": "boxed", "id": identity, "error": failure})
            return
        self._boxes[identity] = box
        self._selector.register(box.ready, selectors.EVENT_READ, lambda: self._on_ready(identity))

    def close(self, request: Message) -> None:
        """Kill one; it is told when nothing of it runs."""
        identity = number(request, "id")
        box = self._boxes.get(identity)
        if box is None:
            self._channel.send({"op": "unboxed", "id": identity})
            return
        box.closing = True
        # While it is being set up its processes do not yet die together; that takes a few milliseconds.
        if not self._in_setup(box):
            box.kill()

    def get(self, identity: int | None) -> Box | None:
        """One that stands and is not to be closed."""
        box = None if identity is None else self._boxes.get(identity)
        return None if box is None or box.closing or box.first is None else box

    def closing(self, identity: int | None) -> bool:
        """Whether one is to be closed, or is closed already."""
        box = None if identity is None else self._boxes.get(identity)
        return identity is not None and (box is None or box.closing)

    def pids(self) -> set[int | None]:
        """Their processes, as far as the launcher is or becomes their parent."""
        return {pid for box in self._boxes.values() for pid in (box.monitor, box.first)}

    def kill_all(self) -> None:
        """Kill them all."""
        for box in self._boxes.values():
            box.kill()

    def look_around(self) -> None:
        """Take note of what has ended."""
        for identity, box in list(self._boxes.items()):
            if box.gone() and box.closing and not self._in_setup(box):
                box.ready.close()
                if box.handle >= 0:
                    os.close(box.handle)
                del self._boxes[identity]
                self._channel.send({"op": "unboxed", "id": identity})

    def _in_setup(self, box: Box) -> bool:
        return box.ready.fileno() in self._selector.get_map()

    def _on_ready(self, identity: int) -> None:
        box = self._boxes[identity]
        self._selector.unregister(box.ready)
        try:
            answer = box.ready.recv(1)
        except OSError:
            answer = b""
        if answer:
            # {"child-pid": 123, …}; a whole JSON parser is not needed for it.
            found = os.read(box.info, 4096).partition(b'"child-pid":')[2]
            box.stand(int(found.split(b",")[0].strip(b" \n}")))
            told: Message = {"op": "boxed", "id": identity, "pid": box.first or 0}
        else:
            reason = os.read(box.errors, 4096).decode(errors="replace").strip()
            told = {"op": "boxed", "id": identity, "error": reason or "the sandbox ended at once"}
        box.close_pipes()
        if box.closing:
            box.kill()
        else:
            self._channel.send(told)
        self.look_around()
