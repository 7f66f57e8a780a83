"""The JSON lines between wrapper and sidecar on the socket in `/osmo`. Source: runtime/wrapper/link.go."""

from __future__ import annotations

import asyncio
from enum import StrEnum

import msgspec

MAX_LINE_BYTES = 64 * 1024
STOPPED = "stopped"


class Kind(StrEnum):
    """What a line says. Up to CHECKPOINT the wrapper says it, the others the sidecar."""

    HELLO = "hello"
    STARTED = "started"
    EXITED = "exited"
    KILLED = "killed"
    ENDED = "ended"
    CHECKPOINT = "checkpoint"
    START = "start"
    RESTART = "restart"
    STOP = "stop"
    FINISH = "finish"
    STORED = "stored"


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line.

    Shape: `phase` of `exited` is STOPPED after a SIGTERM; that of `hello` tells a sidecar that comes again how far the
    run is: `running` in `round`, `waiting` for its start, `exited`, or "" where nothing was started. `code` is the
    program's of `exited`, the one to end with of `stop`, the sidecar's own failure of `finish`, and the one that the
    wrapper ends with of `ended`. `made` of `finish` is for the last words of the pod: the datasets that were stored.
    """

    kind: str
    task: str = ""
    retry_id: int = 0
    code: int = 0
    index: int = 0
    round: int = 0
    phase: str = ""
    message: str = ""
    made: tuple[str, ...] = ()


class BadLine(Exception):
    """What came is no message; the connection is of no use any more."""


async def read_message(reader: asyncio.StreamReader) -> Message | None:
    """The next message; None at the end. Errors: BadLine; OSError."""
    try:
        line = await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError as error:
        raise BadLine("a line is too long") from error
    try:
        return _DECODER.decode(line)
    except msgspec.MsgspecError as error:
        raise BadLine(str(error)) from error


def message_line(message: Message) -> bytes:
    """A message as it is sent."""
    return msgspec.json.encode(message) + b"\n"


_DECODER = msgspec.json.Decoder(Message)
