"""What is kept of logs that were brought to the place of logs: rows that say where each object is, and what waits.

A log is in the place as far as its rows say so, whatever the setting is by now. The layout of the names is here, so
that who writes objects and who reads them cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from translator.plan.model import WorkflowUuid

LOG_DIRECTORY = "log"
TASKS_DIRECTORY = "tasks"


def piece_name(number: int) -> str:
    """The name of a piece of the whole log, below the directory of the workflow."""
    return f"{LOG_DIRECTORY}/{number:06}.gz"


def attempt_name(task: str, retry_id: int) -> str:
    """The name of the log of one attempt."""
    return f"{TASKS_DIRECTORY}/{task}/{retry_id}/log.gz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A part of an object that can be decompressed by itself. Units: bytes of the object."""

    start: int
    size: int
    lines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedObject:
    """One object of a workflow in the place of logs.

    Shape: `name` is its path below the workflow's directory, `place` the URL of the place; `members` in order, () for
    what is no log. Units: bytes.
    """

    name: str
    place: str
    stored_bytes: int
    lines: int = 0
    members: tuple[Member, ...] = ()

    @property
    def is_log(self) -> bool:
        """Whether it holds lines of the log, and is no document."""
        return self.name.startswith((f"{LOG_DIRECTORY}/", f"{TASKS_DIRECTORY}/"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A workflow's log that is, or is to be, in the place of logs.

    Shape: `finished_at` None while something is still to be brought there; `problem` why that failed the last time.
    """

    uuid: WorkflowUuid
    since: datetime
    finished_at: datetime | None
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveBacklog:
    """What waits to be brought to the place of logs. Shape: `since` and `problem` of the oldest."""

    logs: int = 0
    since: datetime | None = None
    problem: str = ""


class ArchiveReads(Protocol):
    """Questions."""

    def archive(self, uuid: WorkflowUuid) -> Archive | None:
        """How far a workflow's log is; None where nobody meant to bring it anywhere."""

    def archived(self, uuid: WorkflowUuid, directory: str | None = None) -> tuple[ArchivedObject, ...]:
        """The objects of a workflow, by name; all, or those below one directory."""

    def archived_object(self, uuid: WorkflowUuid, name: str) -> ArchivedObject | None:
        """One of them."""

    def waiting_archives(self, limit: int) -> tuple[Archive, ...]:
        """Logs that wait, oldest first."""

    def archive_backlog(self) -> ArchiveBacklog:
        """How much waits."""

    def finished_archives(self, uuids: Sequence[WorkflowUuid]) -> frozenset[WorkflowUuid]:
        """Those of which everything is in the place."""

    def ended_attempts(self, uuid: WorkflowUuid) -> tuple[tuple[str, int], ...]:
        """Task and number of the attempts that have ended."""


class ArchiveWrites(ArchiveReads, Protocol):
    """Changes."""

    def expect_archive(self, uuid: WorkflowUuid, at: datetime) -> None:
        """Remember that a workflow's log is to be brought to the place. Safe to repeat."""

    def add_archived(
        self, uuid: WorkflowUuid, objects: Sequence[ArchivedObject], *, finished_at: datetime | None = None
    ) -> bool:
        """Note where objects are, in place of what was noted of these names, and that these are the last ones.

        False, and nothing is noted, where the workflow is forgotten or its log finished or removed.
        """

    def finish_archive(self, uuid: WorkflowUuid, at: datetime) -> None:
        """Note that nothing more is to go there: from now on `add_archived` adds nothing. Safe to repeat."""

    def note_archive_problem(self, uuid: WorkflowUuid, problem: str) -> None:
        """Note why a log still waits."""

    def forget_archived(self, uuid: WorkflowUuid, names: Sequence[str]) -> None:
        """Drop the rows of objects that are gone."""
