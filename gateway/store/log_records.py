"""One log line as one record of a file: `<microseconds> TAB <task> TAB <retry> TAB <o|s> TAB <text> LF`.

A record without its line feed is torn: the process died while it was written. Nothing else can break, for a file is
only appended to, by one process.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from engine.ports import LogLine
from translator.plan.model import TaskName

_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
_SYSTEM = b"s"


def encoded(lines: Iterable[LogLine]) -> bytes:
    """The records of the lines. A text with line feeds in it becomes several lines."""
    parts: list[str] = []
    for line in lines:
        head = f"{(line.at - _EPOCH) // _MICROSECOND}\t{line.task}\t{line.retry_id}\t{'s' if line.system else 'o'}\t"
        texts = line.text.split("\n") if "\n" in line.text else (line.text,)
        parts.extend(f"{head}{text}\n" for text in texts)
    return "".join(parts).encode(errors="replace")


def records_of(data: bytes) -> list[bytes]:
    """Whole records, each to be given to `decoded`."""
    records = data.split(b"\n")
    # What follows the last line feed: nothing.
    records.pop()
    return records


def decoded(record: bytes) -> LogLine | None:
    """The line of a record; None for what is no record (a disk lost a block)."""
    fields = record.split(b"\t", 4)
    if len(fields) != 5:
        return None
    try:
        return LogLine(
            at=_EPOCH + timedelta(microseconds=int(fields[0])),
            task=TaskName(fields[1].decode()),
            retry_id=int(fields[2]),
            system=fields[3] == _SYSTEM,
            text=fields[4].decode(errors="replace"),
        )
    except (ValueError, OverflowError):
        return None


def mark_of(task: str, retry_id: int | None) -> bytes:
    """What every record of this task, or attempt, has in it (others may have it too)."""
    attempt = "" if retry_id is None else f"{retry_id}\t"
    return f"\t{task}\t{attempt}".encode(errors="replace")


def whole_records(data: bytes) -> int:
    """How many of the bytes are whole records; the rest is torn or not yet complete."""
    return data.rfind(b"\n") + 1
