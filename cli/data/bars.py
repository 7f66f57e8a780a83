"""How a transfer is shown: bars on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Self

from storage.sums import MovedFile

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Quiet:
    """Counts, and shows nothing. Shape: `sums` are lines as `sha256sum` writes them, where they are asked for."""

    def __init__(self, *, wants_sums: bool) -> None:
        self.wants_sums = wants_sums
        self.sums: list[tuple[str, str]] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Nothing to end."""

    def found(self, files: int, size: int) -> None:
        """See storage.watching.Watch."""

    def moved(self, size: int) -> None:
        """See storage.watching.Watch."""

    def done(self, file: MovedFile) -> None:
        """See storage.watching.Watch."""
        if self.wants_sums:
            with self._lock:
                self.sums.append(("/".join(file.parts), file.sha256))


class Bars(Quiet):
    """Files and bytes as bars on standard error."""

    def __init__(self, title: str, *, wants_sums: bool) -> None:
        super().__init__(wants_sums=wants_sums)
        self._title = title
        self._bars: Progress | None = None
        self._bytes: TaskID | None = None
        self._files_found = 0
        self._size_moved = 0
        self._files_done = 0
        self._size_found = 0

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.progress import TransferSpeedColumn as Speed

        files = TextColumn("{task.fields[files]}")
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            Speed(),
            TimeRemainingColumn(),
            files,
        )
        self._bars = Progress(*columns, console=Console(stderr=True), transient=True)
        self._bytes = self._bars.add_task(self._title, total=0, files="")
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bars is not None:
            self._bars.stop()

    @property
    def shown(self) -> str:
        """What the bars say, as a sentence."""
        sizes = f"{self._size_moved}/{self._size_found} bytes"
        return f"{sizes}, {self._files_done}/{self._files_found} files"

    def found(self, files: int, size: int) -> None:
        """See storage.watching.Watch."""
        with self._lock:
            self._files_found += files
            self._size_found += size
        self._show()

    def moved(self, size: int) -> None:
        """See storage.watching.Watch."""
        with self._lock:
            self._size_moved += size
        self._show()

    def done(self, file: MovedFile) -> None:
        """See storage.watching.Watch."""
        super().done(file)
        with self._lock:
            self._files_done += 1
        self._show()

    def _show(self) -> None:
        if self._bars is not None and self._bytes is not None:
            files = f"{self._files_done}/{self._files_found} files"
            self._bars.update(self._bytes, completed=self._size_moved, total=self._size_found, files=files)


def watch_for(title: str, *, quiet: bool, wants_sums: bool) -> Quiet:
    """What suits where standard error goes."""
    if quiet or not sys.stderr.isatty():
        return Quiet(wants_sums=wants_sums)
    return Bars(title, wants_sums=wants_sums)
