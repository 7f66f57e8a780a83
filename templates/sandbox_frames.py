"""Messages over pipes: a length of eight bytes, then that much JSON. Both ends of a worker speak it."""

from __future__ import annotations

import json
import os
import selectors
import time
from typing import BinaryIO

HEADER_LENGTH = 8
MAX_FRAME_LENGTH = 128 * 1024 * 1024
_CHUNK_LENGTH = 1024 * 1024


class PeerGone(Exception):
    """The other end closed its pipe or sent what is no message."""


def frame(message: object) -> bytes:
    """The bytes of a message."""
    body = json.dumps(message).encode()
    return len(body).to_bytes(HEADER_LENGTH, "big") + body


def read_frame(stream: BinaryIO) -> object | None:
    """The next message of a blocking stream; None at its end. Errors: PeerGone where it ends within a message."""
    header = stream.read(HEADER_LENGTH)
    if not header:
        return None
    body = stream.read(_length(header))
    return _message(body) if len(body) == _length(header) else _gone("the stream ended within a message")


class TimedPipes:
    """The parent's ends of a worker's pipes: every call is over when its deadline is.

    Units: deadlines as `time.monotonic()` counts. Errors of all calls: TimeoutError, PeerGone.
    """

    def __init__(self, *, to_worker: int, from_worker: int) -> None:
        self._to_worker = to_worker
        self._from_worker = from_worker
        os.set_blocking(to_worker, False)
        os.set_blocking(from_worker, False)

    def send(self, message: object, deadline: float) -> None:
        """Hand a message to the worker."""
        rest = memoryview(frame(message))
        while rest:
            _wait(self._to_worker, selectors.EVENT_WRITE, deadline)
            try:
                rest = rest[os.write(self._to_worker, rest[:_CHUNK_LENGTH]) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise PeerGone(str(error)) from error

    def receive(self, deadline: float) -> object:
        """The worker's next message."""
        return _message(self._read(_length(self._read(HEADER_LENGTH, deadline)), deadline))

    def _read(self, length: int, deadline: float) -> bytes:
        parts = bytearray()
        while len(parts) < length:
            _wait(self._from_worker, selectors.EVENT_READ, deadline)
            try:
                part = os.read(self._from_worker, min(_CHUNK_LENGTH, length - len(parts)))
            except BlockingIOError:
                continue
            if not part:
                raise PeerGone("the worker ended")
            parts += part
        return bytes(parts)


def _wait(descriptor: int, event: int, deadline: float) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, event)
        if not selector.select(max(0.0, deadline - time.monotonic())):
            raise TimeoutError


def _length(header: bytes) -> int:
    length = int.from_bytes(header, "big")
    return length if len(header) == HEADER_LENGTH and length <= MAX_FRAME_LENGTH else _gone("not a message")


def _message(body: bytes) -> object:
    try:
        message: object = json.loads(body)
    except ValueError:
        return _gone("not a message")
    return message


def _gone(reason: str) -> int:
    raise PeerGone(reason)
