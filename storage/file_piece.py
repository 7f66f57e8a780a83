"""Pieces of large files as bodies of requests: the kernel hands them from its cache to the connection.

Nothing of them is held by this process, so that a piece costs neither memory nor the time to copy it.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

from storage.faults import StoreError, TransferStopped
from storage.lanes import NEVER, StopSign
from storage.sums import Digest, read_into

_STEP_BYTES = 256 * 1024
# Not every file system can.
_NOT_BY_KERNEL = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)


class ShorterFile(StoreError):
    """A file ends before a piece of it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePiece:
    """Some bytes of a regular file.

    Shape: `name` is what messages call the file; `source` a descriptor whose position does not matter.
    """

    name: str
    source: int
    start: int
    size: int

    def __len__(self) -> int:
        """How many bytes it has."""
        return self.size

    def send(self, to: socket.socket, stopped: StopSign = NEVER) -> None:
        """Put all of it on a connection. Errors: OSError; ShorterFile; TransferStopped."""
        # What is enciphered has to come through this process, and so has what the kernel cannot send.
        if isinstance(to, ssl.SSLSocket) or not self._send_from_cache(to, stopped):
            for step in self._steps():
                if stopped.is_set():
                    raise TransferStopped
                to.sendall(step)

    def add_to(self, digest: Digest, stopped: StopSign = NEVER) -> str:
        """A running sum with all of it, in hexadecimal digits. Errors: OSError; ShorterFile; TransferStopped."""
        for step in self._steps():
            if stopped.is_set():
                raise TransferStopped
            digest.update(step)
        return digest.hexdigest()

    def _send_from_cache(self, to: socket.socket, stopped: StopSign) -> bool:
        """Whether the kernel can send it, and did."""
        room, timeout, done = select.poll(), to.gettimeout(), 0
        room.register(to, select.POLLOUT)
        while done < self.size:
            if stopped.is_set():
                raise TransferStopped
            try:
                sent = os.sendfile(to.fileno(), self.source, self.start + done, self.size - done)
            except BlockingIOError:
                if not room.poll(None if timeout is None else timeout * 1000):
                    raise TimeoutError("timed out") from None
                continue
            except OSError as error:
                if done or error.errno not in _NOT_BY_KERNEL:
                    raise
                return False
            if not sent:
                raise self._shorter()
            done += sent
        return True

    def _steps(self) -> Iterator[memoryview]:
        buffer, done = memoryview(bytearray(min(_STEP_BYTES, self.size))), 0
        while done < self.size:
            read = read_into(self.source, buffer[: self.size - done], self.start + done)
            if not read:
                raise self._shorter()
            yield buffer[:read]
            done += read

    def _shorter(self) -> ShorterFile:
        return ShorterFile(f"{self.name}: the file was changed while it was uploaded; upload it again")
