"""What is kept on disk of each attempt, so that a new engine can tell how it stood with it.

A record is a line that is added to the attempt's file in one write, and the last whole line counts: so after a crash
it is the old one or the new one. (Renaming a new file over the old one would do as well, but makes some file systems
write to disk at once, which takes longer than all the rest of starting a task.)
"""

from __future__ import annotations

import contextlib
import os
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import msgspec

from engine.crashpoints import crash_point
from translator.lifecycle.facts import DatasetMade
from translator.lifecycle.words import TaskStatus

_NAME = "record.jsonl"


class Stage(StrEnum):
    """How far an attempt came, as far as a crash may not forget it."""

    BEGUN = "begun"
    """Its command was started, or just will be."""
    ENDED = "ended"
    """Its command ended with `exit_code`; outputs may have to be uploaded."""
    FINISHED = "finished"
    """It is over as `status`, `exit_code` and `message` say, and that was reported or just will be."""


class AttemptRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt. Shape: `pid` 0: not known; `start_ticks` as in /proc/<pid>/stat, to tell a reused pid apart."""

    stage: Stage
    pid: int = 0
    start_ticks: int = 0
    exit_code: int | None = None
    status: TaskStatus | None = None
    message: str = ""
    at: datetime | None = None
    made: tuple[DatasetMade, ...] = ()


def write_record(directory: Path, record: AttemptRecord) -> None:
    """Keep the record of the attempt that a directory belongs to. Errors: OSError."""
    descriptor = os.open(f"{directory}/{_NAME}", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # The line's end stands first: what a crash may have left of another line is ended by it.
        os.write(descriptor, b"\n" + _ENCODER.encode(record))
    finally:
        os.close(descriptor)
    crash_point("record.written")


def read_record(directory: Path) -> AttemptRecord | None:
    """The record of an attempt; None where there is none, or none that can be read."""
    try:
        lines = (directory / _NAME).read_bytes().split(b"\n")
    except OSError:
        return None
    for line in reversed(lines):
        with contextlib.suppress(msgspec.DecodeError):
            return _DECODER.decode(line)
    return None


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(AttemptRecord)
