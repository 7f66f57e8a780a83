"""The engine's directory on disk.

<root>/lock                                     held by the engine that works here, and by its launcher
<root>/runs/<workflow uuid>/<task>~<retry>/     one attempt: `record.jsonl`, and `box` with all that it writes
<root>/spare/<number>/                          the `box` of a sandbox that no attempt has now
<root>/trash/<number>                           what is being removed
<root>/data/                                    outputs, unless they are kept elsewhere
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import itertools
import os
import queue
import shutil
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

from engine.crashpoints import crash_point
from storage.keys import checked_parts
from translator.plan.model import TaskName, WorkflowUuid

_POLL_SECONDS = 0.02


class RootBusy(Exception):
    """Another engine works in the directory; the message says which and what to do."""


class Directories:
    """Makes and removes what is below the engine's root; removal happens on a thread of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.data = self.root / "data"
        self._runs = self.root / "runs"
        self._spare = self.root / "spare"
        self._trash = self.root / "trash"
        self._numbers = itertools.count(time.time_ns())
        self._removals: queue.SimpleQueue[Path | None] = queue.SimpleQueue()
        self._remover: threading.Thread | None = None
        self.lock = -1

    @property
    def identity(self) -> str:
        """A short name of this root, for markers of processes and containers."""
        return hashlib.sha256(os.fsencode(os.path.realpath(self.root))).hexdigest()[:16]

    def open(self, takeover_seconds: float) -> None:
        """Make the directory, lock it, and begin to remove what an engine before left.

        Errors: RootBusy where another engine does not give it up in time; OSError.
        """
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock(takeover_seconds)
        for directory in (self._runs, self._spare, self._trash):
            directory.mkdir(exist_ok=True)
        self._remover = threading.Thread(target=self._remove_all, name="engine-removals", daemon=True)
        self._remover.start()
        for left in (*self._trash.iterdir(), *self._spare.iterdir()):
            self._removals.put(left)

    def close(self) -> None:
        """Finish removals and give up the lock."""
        if self._remover is not None:
            for left in self._spare.iterdir():
                self._removals.put(left)
            self._removals.put(None)
            self._remover.join()
            self._remover = None
        if self.lock >= 0:
            os.close(self.lock)
            self.lock = -1

    def attempt(self, workflow: WorkflowUuid, task: TaskName, retry_id: int) -> Path:
        """Where an attempt lives. Errors: UnsafeName where a name is no plain one."""
        run, name = checked_parts((workflow, task))
        return self._runs / run / f"{name}~{retry_id}"

    def new_spare(self) -> Path:
        """A path for a box that no attempt has."""
        return self._spare / str(next(self._numbers))

    def remove_run(self, workflow: WorkflowUuid) -> None:
        """Forget all attempts of a workflow."""
        self.remove(self._runs.joinpath(*checked_parts((workflow,))))

    def remove(self, path: Path) -> None:
        """Have something removed; it is gone from its place when this returns."""
        trash = self._trash / str(next(self._numbers))
        try:
            os.rename(path, trash)
        except FileNotFoundError:
            return
        crash_point("directory.in-trash")
        self._removals.put(trash)

    def _lock(self, takeover_seconds: float) -> None:
        self.lock = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + takeover_seconds
        while True:
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    os.close(self.lock)
                    self.lock = -1
                    raise RootBusy(
                        f"Another engine works in {self.root}; stop it, or use another data directory"
                    ) from None
                time.sleep(_POLL_SECONDS)
            else:
                return

    def _remove_all(self) -> None:
        while (path := self._removals.get()) is not None:
            remove_tree(path)


def remove_tree(path: Path) -> None:
    """Remove a directory, whatever a task did to its permissions; what cannot be removed stays. Follows no links.

    Nobody else changes it meanwhile.
    """
    try:
        _remove_plain(path)
    except (OSError, RecursionError):
        # Slower, and gets along with all that a task may have made.
        shutil.rmtree(path, onerror=_permit_and_retry)


def _remove_plain(path: str | Path) -> None:
    with os.scandir(path) as entries:
        found = list(entries)
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            _remove_plain(entry.path)
        else:
            os.unlink(entry.path)
    os.rmdir(path)


def _permit_and_retry(function: Callable[..., object], name: str, _: object) -> None:
    with contextlib.suppress(OSError):
        permitted = [_permit(directory) for directory in (os.path.dirname(name), name)]
        if not any(permitted):
            return
        if function in (os.rmdir, os.unlink):
            function(name)
        else:
            remove_tree(Path(name))


def _permit(directory: str) -> bool:
    """Give the owner all rights on a directory; whether some were missing."""
    mode = os.lstat(directory).st_mode
    if not stat.S_ISDIR(mode) or mode & 0o700 == 0o700:
        return False
    os.chmod(directory, 0o700)
    return True
