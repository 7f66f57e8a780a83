"""Which processes live: each holds a lock on a file, and the lock goes with the process, however it ends.

Several processes may use one data directory (a server, and a command that runs one workflow). A workflow whose
process has ended is taken over by the next one that looks; one whose process lives is never touched.
"""

from __future__ import annotations

import fcntl
import os
import socket
import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from gateway.ports.runs import Instance

# A process on another machine cannot be asked by its lock; its heartbeat, written every few seconds, has to do.
_SILENT_FOR = timedelta(minutes=5)


class Ownership(Protocol):
    """Says which process this is, and whether another one is gone."""

    @property
    def instance(self) -> str:
        """The name of this process."""

    @property
    def place(self) -> str:
        """Where its lock is."""

    def is_gone(self, instance: str, known: Sequence[Instance], now: datetime) -> bool:
        """Whether a process has ended. `known` are the rows of all processes."""

    def bury(self, instance: str) -> None:
        """Remove what a process that has ended left."""

    def close(self) -> None:
        """Let other processes take over."""


class LockedInstance:
    """Implements `Ownership` by a lock on `<directory>/<instance>.lock`."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory.resolve()
        self._instance = uuid.uuid4().hex
        self._file = self._lock()

    @property
    def instance(self) -> str:
        """The name of this process."""
        return self._instance

    @property
    def place(self) -> str:
        """The machine and the directory of the lock."""
        return f"{socket.gethostname()}:{self._directory}"

    def is_gone(self, instance: str, known: Sequence[Instance], now: datetime) -> bool:
        """Whether a process has ended: by its lock, or by its silence where that is elsewhere."""
        if instance == self._instance:
            return False
        row = next((one for one in known if one.name == instance), None)
        if row is not None and row.place != self.place:
            return now - row.heartbeat_at > _SILENT_FOR
        return self._is_unlocked(instance)

    def bury(self, instance: str) -> None:
        """Remove the lock file of a process that has ended."""
        if self._is_unlocked(instance):
            self._path(instance).unlink(missing_ok=True)

    def close(self) -> None:
        """Let other processes take over. Safe to repeat."""
        if self._file is not None:
            self._path(self._instance).unlink(missing_ok=True)
            os.close(self._file)
            self._file = None

    def _path(self, instance: str) -> Path:
        return self._directory / f"{instance}.lock"

    def _lock(self) -> int | None:
        while True:
            path = self._path(self._instance)
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(file, fcntl.LOCK_EX)
            # Another process may have taken the file for a dead one's between the two calls, and removed it.
            with suppress(FileNotFoundError):
                if path.stat().st_ino == os.fstat(file).st_ino:
                    return file
            os.close(file)

    def _is_unlocked(self, instance: str) -> bool:
        try:
            file = os.open(self._path(instance), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        else:
            return True
        finally:
            os.close(file)
