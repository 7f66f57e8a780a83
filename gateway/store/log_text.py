"""A log as it stands in objects: text that people read with zcat, from which every line is had back as it was.

`2026-02-12T08:38:57.123456Z [task] text`, `[task retry-1]` from the first retry on, `[task][osmo]` for our own lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1)
_SECOND = timedelta(seconds=1)
_LINE = re.compile(
    rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{6})Z \[([^\]\s]+)(?: retry-(\d+))?\](\[osmo\])? (.*)", re.DOTALL
)


def text_lines(records: Iterable[bytes]) -> Iterator[bytes]:
    """Each record as a line of text with its line feed; what is no record is left out."""
    for record in records:
        # Most of the time of packing goes here: what repeats from line to line is made once.
        fields = record.split(b"\t", 4)
        if len(fields) != 5:
            continue
        try:
            seconds, fraction = divmod(int(fields[0]), 1_000_000)
            yield b"%s.%06dZ %s %s\n" % (_stamp(seconds), fraction, _label(fields[1], fields[2], fields[3]), fields[4])
        except (ValueError, OverflowError):
            continue


def records_in(text: bytes) -> bytes:
    """The records that the text was made of, each with its line feed; what is no line of ours is left out."""
    records = []
    for line in text.split(b"\n"):
        found = _LINE.fullmatch(line)
        if found is not None:
            stamp, fraction, task, retry_id, system, rest = found.groups()
            microseconds = _seconds(stamp) * 1_000_000 + int(fraction)
            kind = b"s" if system else b"o"
            records.append(b"%d\t%s\t%s\t%s\t%s" % (microseconds, task, retry_id or b"0", kind, rest))
    records.append(b"")
    return b"\n".join(records)


@lru_cache(maxsize=4096)
def _label(task: bytes, retry_id: bytes, kind: bytes) -> bytes:
    """Errors: ValueError for what no line has."""
    task.decode()
    retry = b" retry-%d" % int(retry_id) if int(retry_id) else b""
    return b"[%s%s]%s" % (task, retry, b"[osmo]" if kind == b"s" else b"")


@lru_cache(maxsize=256)
def _stamp(seconds: int) -> bytes:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat().encode()


@lru_cache(maxsize=256)
def _seconds(stamp: bytes) -> int:
    return (datetime.fromisoformat(stamp.decode()) - _EPOCH) // _SECOND
