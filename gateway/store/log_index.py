"""Compresses the pieces of a log that are full, and keeps their index in the database.

The order of the steps lets a crash between any two of them lose and double nothing: compressed file, index row, and
only then away with the raw file. Every step may be repeated.
"""

from __future__ import annotations

from collections import Counter

from engine.crashpoints import crash_point
from gateway.ports.runs import Segment
from gateway.ports.store import Store
from gateway.store.log_ends import Ends, go_on
from gateway.store.log_pieces import Pieces
from gateway.store.log_records import decoded, records_of
from translator.plan.model import WorkflowUuid


def settle(store: Store, uuid: WorkflowUuid, pieces: Pieces, *, growing: int | None) -> None:
    """Compress and index every piece but the one that still grows.

    Errors: StoreUnavailable, OSError: the pieces not reached stay as they are, and the call may be repeated.
    """
    pieces.drop_partial()
    with store.reading() as reads:
        known = {segment.number: segment for segment in reads.segments(uuid)}
    raw = set(pieces.raw_numbers())
    first_line = 0
    for number in pieces.numbers():
        if number == growing:
            break
        # What is indexed and is not here was compressed on another machine, under the same number.
        segment = known.get(number) if pieces.compressed(number).exists() else None
        segment = segment or _indexed(store, uuid, pieces, number, first_line, is_raw=number in raw)
        first_line += 0 if segment is None else segment.lines
        if number in raw:
            pieces.raw(number).unlink(missing_ok=True)


def _indexed(
    store: Store, uuid: WorkflowUuid, pieces: Pieces, number: int, first_line: int, *, is_raw: bool
) -> Segment | None:
    if not pieces.read(number):
        return None
    if is_raw:
        data, stored_bytes = pieces.compress(number)
        crash_point("logs.segment-written")
    else:
        # A power cut took the row and left the file.
        data, stored_bytes = pieces.read(number), pieces.compressed(number).stat().st_size
    segment = _segment(number, first_line, data, stored_bytes)
    if segment is None:
        return None
    with store.writing() as writes:
        writes.add_segment(uuid, segment)
    crash_point("logs.segment-indexed")
    return segment


def _segment(number: int, first_line: int, data: bytes, stored_bytes: int) -> Segment | None:
    attempts: Counter[tuple[str, int]] = Counter()
    ends: Ends = {}
    first_at = last_at = None
    for line in filter(None, map(decoded, records_of(data))):
        attempts[line.task, line.retry_id] += 1
        go_on(ends, line)
        first_at = line.at if first_at is None else min(first_at, line.at)
        last_at = line.at if last_at is None else max(last_at, line.at)
    if first_at is None or last_at is None:
        return None
    return Segment(
        number=number,
        first_line=first_line,
        lines=attempts.total(),
        first_at=first_at,
        last_at=last_at,
        raw_bytes=len(data),
        stored_bytes=stored_bytes,
        attempts=dict(attempts),
        ends=ends,
    )
