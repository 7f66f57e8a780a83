"""Pieces of large files as bodies of requests: the kernel hands them from its cache to the connection.

Nothing of them is held by this process, so that a piece costs neither memory nor the time to copy it.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

from storage.faults import StoreError, TransferStopped
from storage.lanes import NEVER, StopSign
from storage.sums import Digest, read_into

_STEP_BYTES = 256 * 1024


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

    def send(self, to: socket.socket) -> None:
        """Put all of it on a connection. Errors: OSError; ShorterFile."""
        if isinstance(to, ssl.SSLSocket):
            # What is enciphered has to come through this process.
            for step in self._steps():
                to.sendall(step)
        elif to.sendfile(_Readable(self.source, self.start), self.start, self.size) < self.size:
            raise self._shorter()

    def add_to(self, digest: Digest, stopped: StopSign = NEVER) -> str:
        """A running sum with all of it, in hexadecimal digits. Errors: OSError; ShorterFile; TransferStopped."""
        for step in self._steps():
            if stopped.is_set():
                raise TransferStopped
            digest.update(step)
        return digest.hexdigest()

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


@dataclass(slots=True)
class _Readable:
    """A descriptor as the standard library wants a file: it is read where the system cannot send from it."""

    source: int
    position: int

    def fileno(self) -> int:
        return self.source

    def seek(self, offset: int, /) -> None:
        self.position = offset

    def read(self, size: int, /) -> bytes:
        data = os.pread(self.source, size, self.position)
        self.position += len(data)
        return data
