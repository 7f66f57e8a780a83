"""What goes to the place of logs, each as a file that is made when its turn comes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from gateway.ports.archive import ArchivedObject, Member, attempt_name, piece_name
from gateway.ports.log_format import event_text
from gateway.ports.runs import Segment
from gateway.ports.store import Store
from gateway.store.log_attempts import AttemptFile
from gateway.store.log_members import MembersWriter
from gateway.store.log_pieces import Pieces
from gateway.store.log_records import records_of
from gateway.store.log_text import text_lines
from storage.faults import StoreError
from translator.plan.model import WorkflowUuid

_ONE_MEMBER = 2**62


class Outgoing(Protocol):
    """One object to be."""

    def opened(self, directory: Path, place: str) -> AbstractContextManager[tuple[BinaryIO, ArchivedObject]]:
        """A file with the content, made in a directory where there is none yet, and the row that will tell of it.

        Errors: StoreError where it cannot be had any more; OSError, StoreUnavailable.
        """


@dataclass(frozen=True, slots=True)
class OutgoingAttempt:
    """The log of one attempt."""

    made: AttemptFile

    @contextmanager
    def opened(self, directory: Path, place: str) -> Iterator[tuple[BinaryIO, ArchivedObject]]:
        """The file that was made."""
        yield self.made.file, _log_object(attempt_name(*self.made.attempt), place, self.made.members)


@dataclass(frozen=True, slots=True)
class OutgoingPiece:
    """One piece of the whole log."""

    pieces: Pieces
    segment: Segment

    @contextmanager
    def opened(self, directory: Path, place: str) -> Iterator[tuple[BinaryIO, ArchivedObject]]:
        """The piece as text, compressed."""
        with tempfile.TemporaryFile(dir=directory) as file:
            writer = MembersWriter(file, member_bytes=_ONE_MEMBER)
            for line in text_lines(records_of(self.pieces.read(self.segment.number))):
                writer.add(line)
            made = _log_object(piece_name(self.segment.number), place, writer.finish())
            if made.lines != self.segment.lines:
                # Another gateway has brought it there meanwhile, or the disk has lost it.
                raise StoreError(
                    f"Piece {self.segment.number} of the log has {made.lines} of {self.segment.lines} lines left here"
                )
            yield file, made


@dataclass(frozen=True, slots=True)
class OutgoingText:
    """A text as it is in the database."""

    name: str
    text: str

    @contextmanager
    def opened(self, directory: Path, place: str) -> Iterator[tuple[BinaryIO, ArchivedObject]]:
        """The text in UTF-8."""
        with tempfile.TemporaryFile(dir=directory) as file:
            file.write(self.text.encode("utf-8", "replace"))
            file.flush()
            yield file, ArchivedObject(name=self.name, place=place, stored_bytes=file.tell())


@dataclass(frozen=True, slots=True)
class OutgoingEvents:
    """The events of a workflow, as the API shows them."""

    store: Store
    uuid: WorkflowUuid

    @contextmanager
    def opened(self, directory: Path, place: str) -> Iterator[tuple[BinaryIO, ArchivedObject]]:
        """The events as text, one a line."""
        with self.store.reading() as reads:
            found = reads.events(self.uuid)
        text = "".join(f"{event_text(event)}\n" for event in found)
        with OutgoingText("events.txt", text).opened(directory, place) as made:
            yield made


def _log_object(name: str, place: str, members: tuple[Member, ...]) -> ArchivedObject:
    return ArchivedObject(
        name=name,
        place=place,
        stored_bytes=sum(member.size for member in members),
        lines=sum(member.lines for member in members),
        members=members,
    )
