"""How a local run is shown: lines as they come, and on a terminal a table of tasks below them."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from translator.lifecycle.words import TaskStatus

# More rows would push the log off the screen.
_MAX_ROWS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLine:
    """What is known of one task."""

    name: str
    status: TaskStatus
    retry_id: int


class Display(Protocol):
    """Shows a run. Use as a context manager; nothing of it stays on the screen but the lines."""

    @property
    def shows_tasks(self) -> bool:
        """Whether `tasks` does anything; finding out about tasks costs more than lines."""

    def __enter__(self) -> Display:
        """Itself."""

    def __exit__(self, *exc: object) -> None:
        """End."""

    def lines(self, texts: Sequence[str]) -> None:
        """Show lines of the log."""

    def tasks(self, tasks: Sequence[TaskLine]) -> None:
        """Show what the tasks are doing now."""


def display_for(*, quiet: bool) -> Display:
    """The display that suits where standard output goes."""
    if quiet:
        return SilentDisplay()
    return LiveDisplay() if sys.stdout.isatty() else PlainDisplay()


class SilentDisplay:
    """Shows nothing."""

    shows_tasks = False

    def __enter__(self) -> SilentDisplay:
        return self

    def __exit__(self, *exc: object) -> None:
        """Nothing to end."""

    def lines(self, texts: Sequence[str]) -> None:
        """See Display."""

    def tasks(self, tasks: Sequence[TaskLine]) -> None:
        """See Display."""


class PlainDisplay(SilentDisplay):
    """Lines only, for files and pipes."""

    def lines(self, texts: Sequence[str]) -> None:
        """See Display."""
        sys.stdout.write("".join(f"{text}\n" for text in texts))
        sys.stdout.flush()


class LiveDisplay:
    """Lines, and below them a table that is drawn anew when something changes."""

    shows_tasks = True

    def __init__(self) -> None:
        # Imported only where there is a terminal: it takes longer than a short run.
        from rich.live import Live

        # Lines printed meanwhile appear above the table. Drawn from one thread only: a thread of rich's own would at
        # times write between a line and the table.
        self._live = Live(transient=True, auto_refresh=False)

    def __enter__(self) -> LiveDisplay:
        self._live.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._live.stop()

    def lines(self, texts: Sequence[str]) -> None:
        """See Display."""
        if texts:
            # One call: each one draws the table anew.
            print("\n".join(texts))

    def tasks(self, tasks: Sequence[TaskLine]) -> None:
        """See Display."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, show_header=False)
        for task in _shown(tasks):
            retry = f"try {task.retry_id + 1}" if task.retry_id else ""
            table.add_row(task.name, Text(task.status, style=_style(task.status)), retry)
        self._live.update(Group(Text(summary(tasks), style="dim"), table), refresh=True)


def summary(tasks: Sequence[TaskLine]) -> str:
    """How many tasks are in which status: `5 tasks: 2 COMPLETED, 3 RUNNING`."""
    counts = Counter(task.status for task in tasks)
    parts = ", ".join(f"{counts[status]} {status}" for status in TaskStatus if counts[status])
    return f"{len(tasks)} {'task' if len(tasks) == 1 else 'tasks'}: {parts}"


def _shown(tasks: Sequence[TaskLine]) -> Sequence[TaskLine]:
    """The tasks that say most: all of a small workflow; of a large one what runs, then what failed, then what waits."""
    if len(tasks) <= _MAX_ROWS:
        return tasks
    return sorted(tasks, key=lambda task: _rank(task.status))[:_MAX_ROWS]


def _rank(status: TaskStatus) -> int:
    if not status.finished and not status.in_queue:
        return 0
    if status.failed:
        return 1
    return 3 if status.finished else 2


def _style(status: TaskStatus) -> str:
    if status.failed:
        return "red"
    if status is TaskStatus.COMPLETED:
        return "green"
    return "cyan" if status is TaskStatus.RUNNING else "yellow"
