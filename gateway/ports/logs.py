"""The port to the log store: the lines of workflows, live and sealed alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engine.ports import LogLine
from translator.plan.model import WorkflowUuid


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """Which lines of a workflow's log. None: no filter.

    Shape: `retry_id` only with `task`; `pattern` is a regular expression (Python's) searched in the formatted line, as
    the user sees it; `last_n_lines` counts after all other filters and limits only the backlog of a follow.
    """

    task: str | None = None
    retry_id: int | None = None
    pattern: str | None = None
    last_n_lines: int | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEnd:
    """How far one log of an attempt goes: the newest time of its lines, and how many of them have it.

    Shape: of the program's own lines, or of those of the system (`LogLine.system`). Units: naive UTC.
    """

    at: datetime
    lines: int


class Follow(Protocol):
    """A log that is read on while it grows. Use as a context manager, or close it."""

    def __enter__(self) -> Follow:
        """Itself."""

    def __exit__(self, *exc: object) -> None:
        """Close."""

    def advance(self) -> Sequence[LogLine]:
        """What has come since the last call, in bounded pieces; empty if nothing has. Never waits."""

    @property
    def ended(self) -> bool:
        """Whether the workflow is sealed and everything was read."""

    def wait(self, timeout_seconds: float) -> bool:
        """Wait until `advance` may have something or `ended` may be true; False where the time ran out first."""

    def on_change(self, wake: Callable[[], None]) -> None:
        """Call `wake` from another thread whenever `wait` would return: for readers that have an event loop."""

    def close(self) -> None:
        """Let go of everything; `wait` returns. Safe to repeat."""


class LogReader(Protocol):
    """Reads logs. The same question gets the same answer before and after sealing; there is no line cap."""

    def read(self, uuid: WorkflowUuid, query: LogQuery) -> Iterator[LogLine]:
        """The lines there are now, in the order in which they were taken.

        Errors: BadPattern before the first line; LogGone and LogUnreachable, then or later, where a part of it is in
        the place of logs. A workflow that never wrote a line has an empty log.
        """

    def follow(self, uuid: WorkflowUuid, query: LogQuery) -> Follow:
        """The lines there are now and those to come. Errors: as `read`, also of `Follow.advance`."""

    def line_count(self, uuid: WorkflowUuid) -> int:
        """How many lines the log has."""


class LogEnds(Protocol):
    """Tells how far logs go, to whoever reads on what a dead process began to read."""

    def end_of(self, uuid: WorkflowUuid, task: str, retry_id: int, *, system: bool) -> LogEnd | None:
        """Where the log of an attempt ended when this process took up the workflow's; None where there was none.

        Errors: StoreUnavailable.
        """


class Logs(LogReader, LogEnds, Protocol):
    """Reads and writes logs."""

    def append(self, uuid: WorkflowUuid, lines: Sequence[LogLine]) -> None:
        """Take lines; on return they are with the operating system, so that a killed process leaves a prefix.

        From any thread; does not block for long. Lines for a sealed workflow are dropped, and so are those for one
        whose log another process has taken up.
        """

    def recover(self, uuid: WorkflowUuid, *, contested: bool = False) -> None:
        """Take up the log of an unsealed workflow that this process now owns: a torn last line is cut off.

        contested: the owner before may not know yet that it is no more: what it writes from now on is not kept.
        Errors: StoreUnavailable, OSError.
        """

    def leave(self, uuid: WorkflowUuid) -> None:
        """Write this log no more: another process does, or nobody. Safe to repeat."""

    def seal(self, uuid: WorkflowUuid) -> None:
        """Compress and index what is left; follows end. Safe to repeat."""

    def remove(self, uuid: WorkflowUuid, *, documents: bool = False) -> None:
        """Delete the log of a workflow that ended, wherever it is; with `documents` all that is in the place.

        Safe to repeat. Errors: StoreError, StoreUnavailable.
        """

    def close(self) -> None:
        """Write and let go of everything; follows end."""
