"""Brings logs to the place of logs: of each attempt when it has ended, of the workflow when it is sealed.

An object is put, then a row says where it is, and only when there are rows for all of them do the local files go; so
whoever comes after a kill finds the log in one place or the other, and does again what no row tells of. Objects have
the same name and bytes whoever puts them, and however often.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from engine.crashpoints import crash_point
from gateway.ports.archive import TASKS_DIRECTORY, Archive, ArchivedObject, attempt_name, piece_name
from gateway.ports.records import DocumentKind
from gateway.ports.runs import Segment
from gateway.ports.store import Store
from gateway.services.log_place import LogPlaces, workflow_directory
from gateway.store.log_archived import ArchivedLogs
from gateway.store.log_attempts import AT_ONCE, Attempt, attempt_files
from gateway.store.log_outgoing import Outgoing, OutgoingAttempt, OutgoingEvents, OutgoingPiece, OutgoingText
from gateway.store.log_pieces import Pieces
from storage.faults import StoreError
from storage.keys import Parts, UnsafeName
from storage.lanes import Lanes, StopSign
from storage.stores import Target
from storage.urls import FILE_SCHEME, Location
from translator.plan.model import WorkflowUuid

_LANES = 4
_PAGE = 500
_Thing = TypeVar("_Thing")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sending:
    """A workflow and where its objects go."""

    uuid: WorkflowUuid
    place: str
    location: Location
    pieces: Pieces
    segments: dict[int, Segment]


@dataclass(slots=True, kw_only=True)
class LogArchiving:
    """Implements `gateway.mirror.archiver.LogMoves`. One thread calls `attend`; `stopped` ends it early."""

    root: Path
    store: Store
    places: LogPlaces
    archived: ArchivedLogs
    now: Callable[[], datetime]
    stopped: StopSign
    # So many objects are put before rows tell of them.
    at_once: int = AT_ONCE
    # Of running workflows: the attempts that have ended and were looked at.
    _known: dict[WorkflowUuid, set[Attempt]] = field(default_factory=dict)

    def wanted(self) -> bool:
        """Whether there is a place that logs go to."""
        return self.places.current() is not None

    def waiting(self, since: timedelta) -> tuple[WorkflowUuid, ...]:
        """Sealed logs that nobody has brought to the place for so long. Errors: StoreUnavailable."""
        before = self.now() - since
        with self.store.reading() as reads:
            return tuple(each.uuid for each in reads.waiting_archives(_PAGE) if each.since <= before)

    def attend(self, uuid: WorkflowUuid) -> None:
        """Bring to the place what is ready to go there.

        Errors: StoreError with what to do; StoreUnavailable; TransferStopped.
        """
        place = self.places.current()
        if place is None:
            return
        with self.store.reading() as reads:
            record, archive = reads.workflow(uuid), reads.archive(uuid)
            segments = {segment.number: segment for segment in reads.segments(uuid)}
        if record is None:
            return
        try:
            # Also of a workflow that never wrote a line, something is made here on its way.
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            sending = _Sending(
                uuid=uuid,
                place=place,
                location=workflow_directory(place, record.workflow_id, uuid),
                pieces=Pieces(self.root, uuid),
                segments=segments,
            )
            if not record.sealed:
                self._send_ended_attempts(sending)
                return
            self._known.pop(uuid, None)
            if archive is not None:
                self._finish(sending, archive)
        except (OSError, UnsafeName) as error:
            raise StoreError(f"{place}: {error}") from error

    def note_problem(self, uuid: WorkflowUuid, problem: str) -> None:
        """Say with the workflow why its log waits. Errors: StoreUnavailable."""
        with self.store.writing() as writes:
            writes.note_archive_problem(uuid, problem)

    def tidy(self) -> None:
        """Delete local files of logs that are in the place: whoever brought them there may have been killed.

        Errors: StoreUnavailable, OSError.
        """
        found = [WorkflowUuid(each.name) for each in self.root.glob("??/*")]
        for start in range(0, len(found), _PAGE):
            with self.store.reading() as reads:
                finished = reads.finished_archives(found[start : start + _PAGE])
            for uuid in finished:
                Pieces(self.root, uuid).remove()

    def _finish(self, sending: _Sending, archive: Archive) -> None:
        if archive.finished_at is None and not self._send_all(sending):
            return
        sending.pieces.remove()
        crash_point("archive.local-removed")

    def _send_all(self, sending: _Sending) -> bool:
        """Put what is missing, and note that it is all; False where the local files must stay, or nobody wants it."""
        with self.store.reading() as reads:
            there = {each.name: each for each in reads.archived(sending.uuid)}
        numbers = [number for number in sending.segments if piece_name(number) not in there]
        elsewhere = [number for number in numbers if not sending.pieces.has(number)]
        if elsewhere:
            named = ", ".join(map(str, elsewhere[:5]))
            self.note_problem(sending.uuid, f"pieces {named} of the log are on the machine of another gateway")
            return False
        pieces = self._batches([OutgoingPiece(sending.pieces, sending.segments[number]) for number in numbers])
        attempts = _incomplete(sending.segments.values(), there) if numbers else {}
        batches = self._batches(list(attempts.items()))
        for some in batches[:-1]:
            with self._attempts(sending, dict(some)) as found:
                self._put(sending, found)
        for group in pieces[:-1]:
            self._put(sending, group)
        # Of most workflows this is all there is, in one transaction.
        with self._attempts(sending, dict(batches[-1])) as found:
            return self._put(sending, [*found, *pieces[-1], *self._documents(sending.uuid)], is_last=True)

    def _send_ended_attempts(self, sending: _Sending) -> None:
        known = self._known.get(sending.uuid)
        with self.store.reading() as reads:
            ended = reads.ended_attempts(sending.uuid)
            if known is None:
                names = {each.name for each in reads.archived(sending.uuid, TASKS_DIRECTORY)}
                known = self._known[sending.uuid] = {each for each in ended if attempt_name(*each) in names}
        missing = sorted(set(ended) - known)
        for some in self._batches(missing):
            with self._attempts(sending, dict.fromkeys(some)) as found:
                self._put(sending, found)
            known.update(some)

    def _batches(self, things: Sequence[_Thing]) -> list[Sequence[_Thing]]:
        """The same in parts; at least one, which may be empty."""
        return [things[start : start + self.at_once] for start in range(0, max(len(things), 1), self.at_once)]

    @contextmanager
    def _attempts(self, sending: _Sending, wanted: Mapping[Attempt, int | None]) -> Iterator[list[Outgoing]]:
        """The logs of attempts, each of so many lines where that is known; of those without a line there is none."""
        if not wanted:
            yield []
            return
        with attempt_files(sending.pieces, sending.segments, wanted.keys(), self.root) as files:
            for file in files:
                expected, lines = wanted[file.attempt], sum(member.lines for member in file.members)
                if expected not in (None, lines):
                    raise StoreError(f"The log of {file.attempt} has {lines} of {expected} lines left here")
            yield [OutgoingAttempt(file) for file in files]

    def _documents(self, uuid: WorkflowUuid) -> list[Outgoing]:
        """Spec and events."""
        with self.store.reading() as reads:
            texts = {
                "spec.yaml": reads.document(uuid, DocumentKind.SPEC),
                "template.yaml": reads.document(uuid, DocumentKind.TEMPLATE),
            }
        found: list[Outgoing] = [OutgoingText(name, text) for name, text in texts.items() if text is not None]
        return [*found, OutgoingEvents(self.store, uuid)]

    def _put(self, sending: _Sending, outgoing: Sequence[Outgoing], *, is_last: bool = False) -> bool:
        """Put objects and note where they are; False, and nothing stays there, where nobody wants them any more."""
        if not outgoing:
            return True
        put: list[ArchivedObject] = []
        store = self.places.stores(sending.place).serving(sending.location)
        with (
            store.target(sending.location, f"logs-{os.getpid()}") as target,
            Lanes(min(_LANES, target.lanes), self.stopped) as lanes,
        ):
            for each in outgoing:
                lanes.run(partial(self._put_one, sending, target, each, lanes, put))
        crash_point("archive.objects-put")
        # What the rows say must be on the disk before the local files go.
        with self.store.writing(durable=is_last) as writes:
            wanted = writes.add_archived(sending.uuid, put, finished_at=self.now() if is_last else None)
            noted = set() if wanted else {each.name for each in writes.archived(sending.uuid)}
        if not wanted:
            # What another gateway has noted is the same objects.
            names = {each.name for each in put} - noted
            self.archived.withdraw(sending.location, sending.place, sorted(names))
        crash_point("archive.objects-noted")
        return wanted

    def _put_one(
        self, sending: _Sending, target: Target, outgoing: Outgoing, stopped: StopSign, put: list[ArchivedObject]
    ) -> None:
        with outgoing.opened(self.root, sending.place) as (file, made):
            os.lseek(file.fileno(), 0, os.SEEK_SET)
            parts = tuple(made.name.split("/"))
            size = target.put(parts, file.fileno(), stopped).size
        if size != made.stored_bytes:
            raise StoreError(f"{sending.location.url}{made.name}: {size} of {made.stored_bytes} bytes came there")
        if sending.location.scheme == FILE_SCHEME:
            _flush(Path(sending.location.path), parts)
        put.append(made)


def _incomplete(segments: Iterable[Segment], there: Mapping[str, ArchivedObject]) -> dict[Attempt, int]:
    """The attempts of which not all lines are in the place, with how many they have.

    One that ended before the workflow did may have got lines after that.
    """
    lines: Counter[Attempt] = Counter()
    for segment in segments:
        lines.update(segment.attempts)
    known = {name: each.lines for name, each in there.items()}
    return {attempt: count for attempt, count in lines.items() if known.get(attempt_name(*attempt)) != count}


def _flush(directory: Path, parts: Parts) -> None:
    """See to it that a power cut takes neither a file nor its name."""
    path = directory.joinpath(*parts)
    for each in (path, path.parent):
        descriptor = os.open(each, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
