"""Contents of files kept on this machine, so that what was fetched once is not fetched again.

Any number of processes share a directory: a file appears whole or not at all, and what is taken from it is compared
with its SHA-256. Nothing links to it from outside, so that nobody who changes his copy changes ours.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from storage.copying import copy_contents
from storage.keys import Parts
from storage.lanes import StopSign
from storage.sums import FileSum, file_sum
from storage.trees import Tree

DEFAULT_BYTES = 20 * 1024**3
"""How much is kept where nothing else is said."""

_LOCK = ".lock"
# What a killed process left of a file is nobody's after this.
_LEFTOVER_SECONDS = 24 * 3600.0
_LOOKED_AT_SECONDS = 24 * 3600.0

Fetch = Callable[[int], FileSum]
"""Writes contents to a descriptor and returns their sum, the SHA-256 among it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobCache:
    """A directory of contents by their SHA-256. Units: bytes; what is used least lately goes first."""

    directory: Path
    most_bytes: int = DEFAULT_BYTES

    def take(self, digest: str, size: int, target: int, stopped: StopSign) -> bool:
        """Write kept contents to a descriptor; False where they are not kept, and then nothing is written.

        Errors: OSError of the target; TransferStopped.
        """
        try:
            source = os.open(self._path(digest), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            os.ftruncate(target, 0)
            os.lseek(target, 0, os.SEEK_SET)
            copy_contents(source, target, stopped)
            if file_sum(target, stopped) == FileSum(size=size, sha256=digest):
                with suppress(OSError):
                    os.utime(source)
                return True
            # It was damaged; whoever needs it next fetches it.
            with suppress(OSError):
                os.unlink(self._path(digest))
            os.ftruncate(target, 0)
            os.lseek(target, 0, os.SEEK_SET)
            return False
        finally:
            os.close(source)

    def keep(self, digest: str, size: int, source: int, writer: str, stopped: StopSign) -> None:
        """Keep contents that a descriptor holds, if there is room for them. Errors: TransferStopped."""
        if size > self.most_bytes:
            return
        # A full disk, or a directory that may not be written, is no reason to fail.
        with (
            suppress(OSError),
            Tree.open(self.directory, create=True) as tree,
            tree.new_file(_parts(digest), mode=0o600, writer=writer) as target,
        ):
            os.lseek(source, 0, os.SEEK_SET)
            copy_contents(source, target, stopped)

    def trim(self, added_bytes: int | None = None) -> None:
        """Remove what is used least lately until the rest is small enough; one process does it at a time.

        Shape: where the caller says how much he added, and that still fits by what was noted the last time, nothing is
        looked at: a large cache has many files.
        """
        with suppress(OSError):
            lock = os.open(self.directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                noted = _noted(lock)
                if added_bytes is None or noted is None or noted.held_bytes + added_bytes > self.most_bytes:
                    _note(lock, _Noted(held_bytes=self._trim(), looked_at=time.time()))
                else:
                    _note(lock, _Noted(held_bytes=noted.held_bytes + added_bytes, looked_at=noted.looked_at))
            finally:
                os.close(lock)

    def _trim(self) -> int:
        """Do it; how many bytes are held now."""
        kept: list[tuple[float, int, str]] = []
        now = time.time()
        for directory, _, names in os.walk(self.directory):
            for name in names:
                path = os.path.join(directory, name)
                with suppress(FileNotFoundError):
                    status = os.stat(path, follow_symlinks=False)
                    if not name.startswith("."):
                        kept.append((status.st_mtime, status.st_size, path))
                    elif name != _LOCK and now - status.st_mtime > _LEFTOVER_SECONDS:
                        os.unlink(path)
        held = sum(size for _, size, _ in kept)
        for _, size, path in sorted(kept):
            if held <= self.most_bytes:
                break
            with suppress(FileNotFoundError):
                os.unlink(path)
            held -= size
        return held

    def _path(self, digest: str) -> Path:
        return self.directory.joinpath(*_parts(digest))


class _Noted(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the lock file."""

    held_bytes: int
    looked_at: float


def _noted(lock: int) -> _Noted | None:
    """What was noted; None where nothing was, or so long ago that killed processes may have added much."""
    try:
        found = msgspec.json.decode(os.pread(lock, 1000, 0), type=_Noted)
    except msgspec.MsgspecError:
        return None
    return found if 0 <= time.time() - found.looked_at < _LOOKED_AT_SECONDS else None


def _note(lock: int, noted: _Noted) -> None:
    os.ftruncate(lock, 0)
    os.pwrite(lock, msgspec.json.encode(noted), 0)


def _parts(digest: str) -> Parts:
    return (digest[:2], digest)
