"""Takes the logs of single attempts out of the log of a workflow, in which those of all tasks stand mixed."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

from gateway.ports.archive import Member
from gateway.ports.runs import Segment
from gateway.store.log_members import MembersWriter
from gateway.store.log_pieces import Pieces
from gateway.store.log_records import records_of
from gateway.store.log_text import text_lines

Attempt = tuple[str, int]
"""Task, and number of the attempt."""

AT_ONCE = 64
"""So many attempts are best taken out in one go through the pieces: each has a file and a compressor meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFile:
    """The compressed log of one attempt, in a file that goes away with its descriptor."""

    attempt: Attempt
    file: BinaryIO
    members: tuple[Member, ...]


@contextmanager
def attempt_files(
    pieces: Pieces, segments: Mapping[int, Segment], wanted: Collection[Attempt], directory: Path
) -> Iterator[Sequence[AttemptFile]]:
    """The logs of some attempts as far as they are on this machine; of those without a line there is none.

    Shape: `segments` by number, for passing over pieces; the files are made in `directory`. Errors: OSError.
    """
    with ExitStack() as stack:
        marks: dict[tuple[bytes, ...], Attempt] = {
            (attempt[0].encode(), b"%d" % attempt[1]): attempt for attempt in wanted
        }
        made: dict[Attempt, tuple[BinaryIO, MembersWriter]] = {}
        for number in pieces.numbers():
            segment = segments.get(number)
            if segment is not None and segment.attempts.keys().isdisjoint(wanted):
                continue
            for mark, some in groupby(records_of(pieces.read(number)), key=_mark_of):
                attempt = marks.get(mark)
                if attempt is None:
                    continue
                if attempt not in made:
                    file = stack.enter_context(tempfile.TemporaryFile(dir=directory))
                    made[attempt] = (file, MembersWriter(file))
                writer = made[attempt][1]
                for line in text_lines(some):
                    writer.add(line)
        yield [
            AttemptFile(attempt=attempt, file=file, members=writer.finish()) for attempt, (file, writer) in made.items()
        ]


def _mark_of(record: bytes) -> tuple[bytes, ...]:
    return tuple(record.split(b"\t", 3)[1:3])
