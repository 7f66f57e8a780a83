"""Messages between engine and launcher: plain values with a length before them, file descriptors beside them.

Both ends are the same Python, so the values travel in its own form. Requests (engine to launcher); `id` is chosen by
the engine and never used twice:
    box      id argv environment watched  start a sandbox that holds namespaces open, and wait until it is set up;
                                          `watched` are its directories that lie in memory
    start    id box? argv environment directory privileged marker, descriptors [stdout, stderr]
    signal   id signal                    to the command's process group
    release  id                           kill what is left of the command's group, forget it
    clear    id                           forget the ended commands of a sandbox that may be used again
    unbox    id                           kill all that runs in a sandbox, forget it
Replies:
    boxed    id pid | error               `pid` of the sandbox's first process
    cleared  id | error                   nothing runs in it, and nothing was left in its memory; or why not
    unboxed  id                           nothing of it runs any more
    started  id pid | error
    ended    id status                    exit code, or minus the number of the signal
    released id                           nothing of it runs any more
"""

from __future__ import annotations

import errno
import marshal
import os
import socket
import struct
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Value = str | int | list[str] | dict[str, str]
Message = dict[str, Value]

_LENGTH = struct.Struct("!I")
_READ_BYTES = 256 * 1024
_MAX_DESCRIPTORS = 64
_DESCRIPTOR_SIZE = struct.calcsize("i")
# Not known on macOS, where the moment until `set_inheritable` remains; the launcher has one thread.
_CLOSE_ON_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


class Channel:
    """One end of the connection. Not blocking: what cannot be sent now waits for `flush`."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._connection = connection
        self._unsent: deque[tuple[memoryview, Sequence[int]]] = deque()
        self._received = bytearray()
        self._descriptors: deque[int] = deque()
        self.open = True

    def fileno(self) -> int:
        """The descriptor, for a selector."""
        return self._connection.fileno()

    @property
    def unsent(self) -> bool:
        """Whether something waits for `flush`."""
        return bool(self._unsent)

    def send(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """Send a message; the descriptors must stay open until `unsent` is false. Errors: none, also when closed."""
        body = marshal.dumps(message)
        self._unsent.append((memoryview(_LENGTH.pack(len(body)) + body), descriptors))
        self.flush()

    def flush(self) -> None:
        """Send what fits."""
        while self._unsent and self.open:
            data, descriptors = self._unsent[0]
            try:
                sent = socket.send_fds(self._connection, [data], list(descriptors))
            except BlockingIOError:
                return
            except OSError:
                self.open = False
                self._unsent.clear()
                return
            if sent == len(data):
                self._unsent.popleft()
            else:
                # The descriptors went with the first byte.
                self._unsent[0] = (data[sent:], ())

    def receive(self) -> list[Message]:
        """The messages that have arrived; `open` is false after the last one."""
        while self.open:
            try:
                data, descriptors = _received(self._connection)
            except BlockingIOError:
                break
            except OSError:
                data, descriptors = b"", []
            self._descriptors.extend(descriptors)
            self._received += data
            if not data:
                self.open = False
        return list(self._complete())

    def taken_descriptor(self) -> int:
        """The next descriptor that came with messages, in their order; the caller closes it."""
        return self._descriptors.popleft()

    def close(self) -> None:
        """Close the connection."""
        self.open = False
        self._connection.close()

    def _complete(self) -> Iterator[Message]:
        at = 0
        while len(self._received) - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._received, at)
            begin = at + _LENGTH.size
            if len(self._received) - begin < length:
                break
            message: Message = marshal.loads(self._received[begin : begin + length])
            at = begin + length
            yield message
        del self._received[:at]


def number(message: Message, key: str) -> int:
    """A number of a message."""
    value = message[key]
    assert isinstance(value, int), key
    return value


def text(message: Message, key: str) -> str:
    """A text of a message."""
    value = message[key]
    assert isinstance(value, str), key
    return value


def words(message: Message, key: str) -> list[str]:
    """A list of a message."""
    value = message[key]
    assert isinstance(value, list), key
    return value


def table(message: Message, key: str) -> dict[str, str]:
    """A table of a message."""
    value = message[key]
    assert isinstance(value, dict), key
    return value


def _received(connection: socket.socket) -> tuple[bytes, list[int]]:
    """What came, with descriptors that no program inherits: `socket.recv_fds` ignores the flag for it."""
    space = socket.CMSG_SPACE(_MAX_DESCRIPTORS * _DESCRIPTOR_SIZE)
    data, ancillary, flags, _ = connection.recvmsg(_READ_BYTES, space, _CLOSE_ON_EXEC)
    if flags & socket.MSG_CTRUNC:
        raise OSError(errno.EMFILE, "Descriptors were lost, since this process has as many as it may")
    descriptors: list[int] = []
    for level, kind, payload in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            count = len(payload) // _DESCRIPTOR_SIZE
            descriptors += struct.unpack(f"{count}i", payload[: count * _DESCRIPTOR_SIZE])
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    return data, descriptors
