"""A directory whose inside may be hostile. The one place that decides which path is opened.

Everything is reached from the tree's own descriptor, part by part, never following a link by the kernel: a link is
read and walked here, so that neither names, links nor their exchange at the wrong moment lead outside.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from storage.faults import OutsideOfTree
from storage.keys import Parts, checked_parts, path_parts

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK, opening a pipe that nobody writes to would never return.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_MAX_LINKS = 40
_PART_PREFIX = ".argosmo-part-"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """A regular file of a tree. Shape: `parts` as seen from where the search began, `at` from the tree's root.

    `version` is another text after the file was written to. Units: size in bytes.
    """

    parts: Parts
    at: Parts
    size: int
    version: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedEntry:
    """Something in a tree that is no file to be transferred, and why."""

    parts: Parts
    reason: str


class Tree:
    """An open directory.

    Shape: `known_as` holds absolute paths under which whoever filled the tree knew it; absolute links below one of
    them stay inside. A tree known as `/` is a whole file system: nothing leads out of it.
    """

    def __init__(self, descriptor: int, *, known_as: Sequence[str] = ()) -> None:
        self._descriptor = descriptor
        self._known_as = tuple(tuple(path_parts(path)) for path in known_as)

    @classmethod
    def open(cls, path: Path, *, create: bool = False, known_as: Sequence[str] = ()) -> Self:
        """Open a directory; links on the way to it are followed, since its name is trusted.

        Errors: OSError where it is not there (unless `create`) or is no directory.
        """
        if create:
            path.mkdir(parents=True, exist_ok=True)
        return cls(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), known_as=(str(path), *known_as))

    def close(self) -> None:
        """Close it."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def reach(self, path: str | Parts) -> int:
        """A new descriptor of the directory or regular file at a path, through links that stay inside.

        Errors: OutsideOfTree where the way leads out; OSError as `open` raises it, ELOOP for too many links, EINVAL
        for anything but directories and regular files.
        """
        return _Walk(self._descriptor, self._known_as).reach(path_parts(path) if isinstance(path, str) else list(path))

    def files(self, start: str | Parts = ()) -> Iterator[FoundFile | SkippedEntry]:
        """Every file below `start`, by sorted names, depth first; `start` itself where it is a file.

        A link counts as what it leads to, if that is inside; what cannot be transferred comes as SkippedEntry.
        Errors: as `reach` for `start` itself.
        """
        begin = tuple(path_parts(start)) if isinstance(start, str) else start
        descriptor = self.reach(begin)
        try:
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode):
                yield _found(begin[-1:], begin, status)
            else:
                yield from self._below(descriptor, begin, len(begin), (_identity(status),))
        finally:
            os.close(descriptor)

    def level(self) -> Iterator[FoundFile | SkippedEntry | Parts]:
        """What is in the directory itself, by sorted names; a directory comes as its path."""
        for name in sorted(os.listdir(self._descriptor)):
            if name.startswith(_PART_PREFIX):
                continue
            try:
                child, status = self._entry(self._descriptor, (name,))
            except OutsideOfTree:
                yield SkippedEntry(parts=(name,), reason="it leads out of its directory")
            except OSError as error:
                yield SkippedEntry(parts=(name,), reason=_reason(error))
            else:
                if child is None:
                    yield _found((name,), (name,), status)
                else:
                    os.close(child)
                    yield (name,)

    def _below(
        self, directory: int, at: Parts, skip: int, above: tuple[tuple[int, int], ...]
    ) -> Iterator[FoundFile | SkippedEntry]:
        for name in sorted(os.listdir(directory)):
            if name.startswith(_PART_PREFIX):
                continue
            parts = (*at, name)
            try:
                child, status = self._entry(directory, parts)
            except OutsideOfTree:
                yield SkippedEntry(parts=parts[skip:], reason="it leads out of its directory")
                continue
            except OSError as error:
                yield SkippedEntry(parts=parts[skip:], reason=_reason(error))
                continue
            if child is None:
                yield _found(parts[skip:], parts, status)
                continue
            try:
                if _identity(status) in above:
                    yield SkippedEntry(parts=parts[skip:], reason="it leads to a directory that it stands in")
                else:
                    yield from self._below(child, parts, skip, (*above, _identity(status)))
            finally:
                os.close(child)

    def _entry(self, directory: int, parts: Parts) -> tuple[int | None, os.stat_result]:
        """A descriptor of a directory, None for a regular file; with what is known of it."""
        name = parts[-1]
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if stat.S_ISREG(status.st_mode):
            return None, status
        child = os.open(name, _DIRECTORY, dir_fd=directory) if stat.S_ISDIR(status.st_mode) else self.reach(parts)
        status = os.fstat(child)
        if stat.S_ISREG(status.st_mode):
            os.close(child)
            return None, status
        return child, status

    def make_directory(self, parts: Parts, *, mode: int = 0o755) -> int:
        """A new descriptor of the directory at `parts`, made with all above it where it was not there.

        Errors: UnsafeName; OSError, also where a link stands in the way: nothing is written through links.
        """
        current = os.dup(self._descriptor)
        try:
            for part in checked_parts(parts) if parts else ():
                with suppress(FileExistsError):
                    os.mkdir(part, mode, dir_fd=current)
                below = os.open(part, _DIRECTORY, dir_fd=current)
                os.close(current)
                current = below
        except BaseException:
            os.close(current)
            raise
        return current

    @contextmanager
    def new_file(self, parts: Parts, *, mode: int = 0o644, writer: str = "", takes_up: bool = False) -> Iterator[int]:
        """A descriptor to write a file's new contents to; the file appears, or is replaced, when the block ends well.

        Two writers of one file need different `writer` names. Where it `takes_up`, what the same writer wrote before it
        was cut off is there again, else nothing.
        Errors: as `make_directory`.
        """
        *above, name = checked_parts(parts)
        directory = self.make_directory(tuple(above))
        try:
            part = f"{_part_prefix(name)}{_short(writer)}"
            descriptor = os.open(part, _NEW_FILE | (0 if takes_up else os.O_TRUNC), mode, dir_fd=directory)
            try:
                yield descriptor
                os.fchmod(descriptor, mode)
                os.rename(part, name, src_dir_fd=directory, dst_dir_fd=directory)
                if takes_up:
                    _remove_parts(name, directory)
            except BaseException:
                if not takes_up:
                    with suppress(OSError):
                        os.unlink(part, dir_fd=directory)
                raise
            finally:
                os.close(descriptor)
        finally:
            os.close(directory)

    def remove(self, parts: Parts) -> None:
        """Remove the file or link at `parts`, and the directories above it that it leaves empty.

        What is not there is no error. Errors: UnsafeName; OutsideOfTree; OSError.
        """
        checked = checked_parts(parts)
        for length in range(len(checked), 0, -1):
            try:
                directory = self.reach(checked[: length - 1])
            except FileNotFoundError:
                continue
            try:
                if length == len(checked):
                    with suppress(FileNotFoundError):
                        os.unlink(checked[-1], dir_fd=directory)
                else:
                    os.rmdir(checked[length - 1], dir_fd=directory)
            except OSError:
                if length == len(checked):
                    raise
                # Something else is in it, or it is a link.
                return
            finally:
                os.close(directory)


class _Walk:
    """One way from a tree's root to an entry, with the directories that were passed."""

    def __init__(self, root: int, known_as: Sequence[tuple[str, ...]]) -> None:
        self._known_as = known_as
        self._whole_system = () in known_as
        self._passed = [os.dup(root)]
        self._links_left = _MAX_LINKS

    def reach(self, parts: list[str]) -> int:
        ahead = deque(parts)
        try:
            while ahead:
                self._step(ahead.popleft(), ahead)
            return self._passed.pop()
        finally:
            for descriptor in self._passed:
                os.close(descriptor)

    def _step(self, part: str, ahead: deque[str]) -> None:
        if part == "..":
            self._go_up()
            return
        here = self._passed[-1]
        mode = os.stat(part, dir_fd=here, follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode):
            self._follow(os.readlink(part, dir_fd=here), ahead)
        elif stat.S_ISDIR(mode):
            self._passed.append(os.open(part, _DIRECTORY, dir_fd=here))
        elif stat.S_ISREG(mode) and not ahead:
            self._passed.append(_regular_file(part, here))
        else:
            number = errno.EINVAL if not ahead else errno.ENOTDIR
            raise OSError(number, "Neither a directory nor a regular file" if not ahead else "Not a directory", part)

    def _go_up(self) -> None:
        if len(self._passed) > 1:
            os.close(self._passed.pop())
        elif not self._whole_system:
            raise OutsideOfTree("A path leads out of its directory by '..'")

    def _follow(self, target: str, ahead: deque[str]) -> None:
        if not self._links_left:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), target)
        self._links_left -= 1
        parts = path_parts(target)
        if target.startswith("/"):
            parts = self._inside(target, parts)
            while len(self._passed) > 1:
                os.close(self._passed.pop())
        ahead.extendleft(reversed(parts))

    def _inside(self, target: str, parts: list[str]) -> list[str]:
        for known in self._known_as:
            if tuple(parts[: len(known)]) == known:
                return parts[len(known) :]
        raise OutsideOfTree(f"A link leads out of its directory: {target}")


def _regular_file(name: str, directory: int) -> int:
    descriptor = os.open(name, _FILE, dir_fd=directory)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        # It was exchanged between the look and the opening.
        os.close(descriptor)
        raise OSError(errno.EINVAL, "Not a regular file any more", name)
    return descriptor


def _found(parts: Parts, at: Parts, status: os.stat_result) -> FoundFile:
    return FoundFile(parts=parts, at=at, size=status.st_size, version=str(status.st_mtime_ns))


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _reason(error: OSError) -> str:
    if error.errno == errno.EINVAL:
        return "it is neither a directory nor a regular file"
    return error.strerror or str(error)


def _part_prefix(name: str) -> str:
    return f"{_PART_PREFIX}{_short(name)}-"


def _short(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:16]


def _remove_parts(name: str, directory: int) -> None:
    """Remove what came of other versions of a file that is there as a whole now."""
    for entry in os.listdir(directory):
        if entry.startswith(_part_prefix(name)):
            with suppress(OSError):
                os.unlink(entry, dir_fd=directory)
