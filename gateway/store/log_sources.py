"""Where the pieces of a log are read from: files of this machine, the place of logs, or both while it moves there."""

from __future__ import annotations

from typing import Protocol

from gateway.ports.archive import ArchivedObject
from gateway.ports.faults import LogGone
from gateway.ports.store import Store
from gateway.store.log_archived import ArchivedLogs, Whereabouts, members_of
from gateway.store.log_choice import Choice
from gateway.store.log_pieces import Pieces
from translator.plan.model import WorkflowUuid


class LogSource(Protocol):
    """A log in numbered pieces. Errors of all methods: LogGone, LogUnreachable, StoreUnavailable."""

    def numbers(self) -> list[int]:
        """All pieces, rising."""

    def read(self, number: int, start: int = 0) -> bytes:
        """The whole records of a piece from a byte on; empty where there is no such piece."""

    def passed_over(self, choice: Choice) -> frozenset[int]:
        """The pieces that need not be opened."""


class WholeLog:
    """The log of a workflow. Shape: `grows` where this process writes it, so that all of it is here."""

    def __init__(
        self, store: Store, local: Pieces, archived: ArchivedLogs | None, uuid: WorkflowUuid, *, grows: bool
    ) -> None:
        self._store = store
        self._local = local
        self._archived = archived
        self._uuid = uuid
        self._grows = grows
        self._seen: set[int] = set()
        self._there = Whereabouts()
        if not grows:
            self._look()

    @property
    def is_here(self) -> bool:
        """Whether something of it is on this machine, and counts."""
        return not self._there.finished and bool(self._local.numbers())

    def numbers(self) -> list[int]:
        """All pieces, rising."""
        if not self._there.finished:
            here = set(self._local.numbers())
            if not self._is_whole(here):
                self._look()
            self._seen |= here
            if not self._there.finished:
                return sorted(here | self._there.pieces.keys())
        return sorted(self._there.pieces)

    def read(self, number: int, start: int = 0) -> bytes:
        """The whole records of a piece from a byte on."""
        if not self._there.finished:
            data = self._local.read(number, start)
            if data or self._local.has(number):
                return data
            self._look()
        found = self._there.pieces.get(number)
        if found is None or self._archived is None:
            return b""
        return self._archived.records(self._uuid, found, members_of(found)[0])[start:]

    def passed_over(self, choice: Choice) -> frozenset[int]:
        """The pieces that need not be opened."""
        with self._store.reading() as reads:
            segments = reads.segments(self._uuid)
        return frozenset(segment.number for segment in segments if not choice.may_have(segment))

    def check(self) -> None:
        """Return if the log can be read, as far as can be said by reading its beginning.

        Errors: LogGone where there was a log and nothing of it is here; LogUnreachable.
        """
        numbers = self.numbers()
        if numbers:
            if not self.is_here:
                self.read(numbers[0])
            return
        with self._store.reading() as reads:
            is_lost = bool(reads.segments(self._uuid)) and reads.sealed(self._uuid)
        if is_lost:
            raise LogGone(
                "The log is not on this machine, nor in the place of logs"
                + (f" ({self._there.waits})" if self._there.waits else "")
                + ". Ask the gateway that ran the workflow, or give all gateways one data directory."
            )

    def _is_whole(self, here: set[int]) -> bool:
        """Whether these pieces were not about to go when they were listed: they go from the first on."""
        if not here:
            return self._grows and not self._seen
        return here >= self._seen and 1 in here and self._local.has(1)

    def _look(self) -> None:
        if self._archived is not None:
            self._there = self._archived.pieces(self._uuid)


class AttemptLog:
    """The log of one attempt in the place of logs; its members are the pieces."""

    def __init__(self, archived: ArchivedLogs, uuid: WorkflowUuid, found: ArchivedObject) -> None:
        self._archived = archived
        self._uuid = uuid
        self._found = found
        self._members = members_of(found)

    def numbers(self) -> list[int]:
        """All pieces, rising."""
        return list(range(1, len(self._members) + 1))

    def read(self, number: int, start: int = 0) -> bytes:
        """The whole records of a piece from a byte on."""
        if not 1 <= number <= len(self._members):
            return b""
        return self._archived.records(self._uuid, self._found, self._members[number - 1])[start:]

    def passed_over(self, choice: Choice) -> frozenset[int]:
        """None: all of them are this attempt's."""
        return frozenset()

    def check(self) -> None:
        """Return if the log can be read. Errors: LogGone; LogUnreachable."""
        self.read(1)
