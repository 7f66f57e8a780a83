"""What members report and what the coordinator orders, as one line of JSON each."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Phase(StrEnum):
    """How far a member's attempt is."""

    PREPARING = "preparing"
    WAITING = "waiting"
    RUNNING = "running"
    SAVING = "saving"
    ENDED = "ended"


class Do(StrEnum):
    """What a member is to do. NOTE is the answer to a report that calls for nothing."""

    NOTE = "note"
    GO = "go"
    RESTART = "restart"
    STOP = "stop"


class Here(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A member's state, reported when it changes and from time to time.

    Shape: `round` is that in which its command was started; `status` what its wrapper ended with; `memory` what a
    coordinator gave it to keep.
    """

    task: str
    attempt: int
    phase: Phase
    round: int = 0
    status: int = 0
    memory: str = ""


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the coordinator says. Shape: `code` is what a stopped wrapper ends with; `memory` is to be kept."""

    do: Do
    round: int = 0
    code: int = 0
    reason: str = ""
    memory: str = ""


def encode_word(word: Here | Order) -> bytes:
    """As it is sent."""
    return _ENCODER.encode(word)


def decode_here(data: bytes) -> Here:
    """A report. Errors: msgspec.MsgspecError."""
    return _HERE.decode(data)


def decode_order(data: bytes) -> Order:
    """An order. Errors: msgspec.MsgspecError."""
    return _ORDER.decode(data)


_ENCODER = msgspec.json.Encoder()
_HERE = msgspec.json.Decoder(Here)
_ORDER = msgspec.json.Decoder(Order)
