"""Logs in the place of logs, as far as rows say that they are there: read by parts, and removed.

Whichever gateway brought them there, every one reads them. What was read last is kept for those who read on.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from engine.crashpoints import crash_point
from gateway.ports.archive import LOG_DIRECTORY, ArchivedObject, Member, attempt_name
from gateway.ports.faults import LogGone, LogUnreachable
from gateway.ports.store import Store
from gateway.services.log_place import LogPlaces, workflow_directory
from gateway.store.log_members import member_text
from gateway.store.log_text import records_in
from storage.faults import NoSuchObject, StoreError
from storage.keys import UnsafeName
from storage.stores import StoredObject
from storage.urls import Location
from translator.plan.model import WorkflowUuid

_KEPT_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """The pieces of a workflow's log that are in the place, by number.

    Shape: `finished` where nothing else of it is anywhere else; `waits` says why something still is, "" where nothing
    is expected to go there.
    """

    pieces: dict[int, ArchivedObject] = field(default_factory=dict)
    finished: bool = False
    waits: str = ""


class ArchivedLogs:
    """Any thread. Units: `kept_bytes` of what was read last."""

    def __init__(
        self, store: Store, places: LogPlaces, now: Callable[[], datetime], *, kept_bytes: int = _KEPT_BYTES
    ) -> None:
        self._store = store
        self._places = places
        self._now = now
        self._kept_bytes = kept_bytes
        self._kept: OrderedDict[tuple[str, str, int], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def expect(self, uuid: WorkflowUuid) -> None:
        """Remember that a log that is about to be sealed is to go to the place, where there is one.

        Safe to repeat. Errors: StoreUnavailable.
        """
        if self._places.current() is not None:
            with self._store.writing() as writes:
                writes.expect_archive(uuid, self._now())
            crash_point("archive.expected")

    def pieces(self, uuid: WorkflowUuid) -> Whereabouts:
        """Which pieces of a workflow's log are in the place. Errors: StoreUnavailable."""
        with self._store.reading() as reads:
            archive = reads.archive(uuid)
            if archive is None:
                return Whereabouts()
            found = reads.archived(uuid, LOG_DIRECTORY)
        waits = "" if archive.finished_at is not None else f"it waits since {archive.since:%Y-%m-%d %H:%M:%S} UTC"
        return Whereabouts(
            pieces={int(each.name.rpartition("/")[2].partition(".")[0]): each for each in found},
            finished=archive.finished_at is not None,
            waits=f"{waits}: {archive.problem}" if waits and archive.problem else waits,
        )

    def attempt(self, uuid: WorkflowUuid, task: str, retry_id: int) -> ArchivedObject | None:
        """The log of one attempt, where it is in the place. Errors: StoreUnavailable."""
        with self._store.reading() as reads:
            return reads.archived_object(uuid, attempt_name(task, retry_id))

    def records(self, uuid: WorkflowUuid, found: ArchivedObject, member: Member) -> bytes:
        """The records of one member of an object. Errors: LogGone; LogUnreachable; StoreUnavailable."""
        key = (uuid, found.name, member.start)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                return kept
        records = self._fetched(uuid, found, member)
        with self._lock:
            self._kept[key] = records
            while len(self._kept) > 1 and sum(map(len, self._kept.values())) > self._kept_bytes:
                self._kept.popitem(last=False)
        return records

    def remove(self, uuid: WorkflowUuid, *, documents: bool) -> None:
        """Remove a workflow's logs from wherever they are, with `documents` everything. Safe to repeat.

        Errors: StoreError, and rows still lead to what is left; StoreUnavailable.
        """
        with self._store.reading() as reads:
            nothing = reads.archive(uuid) is None and not reads.archived(uuid)
        if nothing:
            return
        with self._store.writing() as writes:
            # From here on nobody brings anything there.
            writes.finish_archive(uuid, self._now())
            found = [each for each in writes.archived(uuid) if documents or each.is_log]
        for place, some in groupby(sorted(found, key=attrgetter("place")), key=attrgetter("place")):
            names = [each.name for each in some]
            self.withdraw(self._directory(uuid, place), place, names)
            with self._store.writing() as writes:
                writes.forget_archived(uuid, names)

    def withdraw(self, directory: Location, place: str, names: Iterable[str]) -> None:
        """Remove objects of a workflow from a place; those that are gone are no error. Errors: StoreError."""
        objects = [StoredObject(parts=tuple(name.split("/")), size=0) for name in names]
        try:
            with self._places.stores(place).serving(directory).source(directory) as source:
                source.remove(objects)
        except OSError as error:
            raise StoreError(f"{place}: {error}") from error

    def _fetched(self, uuid: WorkflowUuid, found: ArchivedObject, member: Member) -> bytes:
        stored = StoredObject(parts=tuple(found.name.split("/")), size=found.stored_bytes)
        shown = f"{found.place}/…/{uuid}/{found.name}"
        try:
            directory = self._directory(uuid, found.place)
            with self._places.stores(found.place).serving(directory).source(directory) as source:
                data = source.part(stored, member.start, member.size)
        except NoSuchObject as error:
            raise LogGone(f"This part of the log was put at {shown}, and is there no more.") from error
        except (StoreError, OSError, UnsafeName) as error:
            raise LogUnreachable(
                f"The log is at {shown}, which cannot be read now: {error}. If the place of logs is another one by "
                "now, name the former with its credential in `workflow.workflow_log.former`."
            ) from error
        try:
            return records_in(member_text(data))
        except ValueError as error:
            raise LogGone(f"This part of the log is at {shown}, and is damaged: {error}.") from error

    def _directory(self, uuid: WorkflowUuid, place: str) -> Location:
        with self._store.reading() as reads:
            record = reads.workflow(uuid)
        if record is None:
            raise StoreError("The workflow was forgotten")
        return workflow_directory(place, record.workflow_id, uuid)


def members_of(found: ArchivedObject) -> Sequence[Member]:
    """The members of an object, which is one where nothing else was noted."""
    return found.members or (Member(start=0, size=found.stored_bytes, lines=found.lines),)
