"""Directories of this machine as an object store (`file://`)."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from storage.copying import copy_contents
from storage.faults import NoSuchObject, StoreError
from storage.keys import Parts
from storage.lanes import NEVER, StopSign
from storage.stores import Entry, Folder, Note, Source, StoredObject, Target
from storage.sums import Count, FileSum, file_sum, uncounted
from storage.trees import FoundFile, SkippedEntry, Tree
from storage.urls import Location


class LocalStore:
    """Serves `file://` URLs.

    Shape: with `roots`, locations must stand in one of these directories after links are resolved; with `forbidden`,
    they may not stand in, nor contain, one of those; what stands in one that is `exempt` may be used all the same. A
    location's own path is trusted beyond that; its inside is not.
    """

    def __init__(
        self, *, roots: Sequence[Path] | None = None, forbidden: Sequence[Path] = (), exempt: Sequence[Path] = ()
    ) -> None:
        self._roots = None if roots is None else tuple(Path(os.path.realpath(root)) for root in roots)
        self._forbidden = tuple(Path(os.path.realpath(path)) for path in forbidden)
        self._exempt = tuple(Path(os.path.realpath(path)) for path in exempt)

    def check(self, location: Location) -> None:
        """Return if the location may be used. Errors: StoreError."""
        self._allowed(location)

    @contextmanager
    def source(self, location: Location) -> Iterator[Source]:
        """Open a directory, or a single file, for reading."""
        path = self._allowed(location)
        try:
            single = stat.S_ISREG(os.stat(path).st_mode)
            tree = Tree.open(path.parent if single else path)
        except FileNotFoundError:
            yield _Nothing()
            return
        with tree:
            yield _Directory(tree, (path.name,) if single else ())

    @contextmanager
    def target(self, location: Location, writer: str, *, resumes: bool = False) -> Iterator[Target]:
        """Open a directory for writing, made where it is not there."""
        with Tree.open(self._allowed(location), create=True) as tree:
            yield _Writable(tree, writer)

    def _allowed(self, location: Location) -> Path:
        path = Path(os.path.realpath(location.path))
        if any(path.is_relative_to(open_to_all) for open_to_all in self._exempt):
            return path
        if self._roots is not None and not any(path.is_relative_to(root) for root in self._roots):
            allowed = ", ".join(f"file://{root}" for root in self._roots) or "none"
            raise StoreError(f"{location.url} is not below a directory that file URLs may use ({allowed})")
        if any(path.is_relative_to(held) or held.is_relative_to(path) for held in self._forbidden):
            raise StoreError(f"{location.url} holds data of argosmo itself; choose another directory")
        return path


class _Nothing:
    """A location that is not there."""

    single = False
    lanes = 1
    connections = None

    def objects(self) -> Iterator[StoredObject | Note]:
        yield from ()

    def level(self) -> Iterator[Entry]:
        yield from ()

    def fetch(self, found: StoredObject, target: int, stopped: StopSign, count: Count = uncounted) -> FileSum:
        raise StoreError(f"There is no {'/'.join(found.parts)}")

    def part(self, found: StoredObject, start: int, size: int) -> bytes:
        raise NoSuchObject(f"There is no {'/'.join(found.parts)}")

    def noted_sum(self, found: StoredObject) -> str:
        return ""

    def remove(self, found: Sequence[StoredObject]) -> None:
        """Nothing is there."""


class _Directory:
    """A directory, or one file of it. One lane: a disk is not faster for several."""

    lanes = 1
    connections = None

    def __init__(self, tree: Tree, start: Parts) -> None:
        self._tree = tree
        self._start = start

    @property
    def single(self) -> bool:
        return bool(self._start)

    def objects(self) -> Iterator[StoredObject | Note]:
        for entry in self._tree.files(self._start):
            if isinstance(entry, FoundFile):
                yield StoredObject(parts=entry.parts, size=entry.size, version=entry.version)
            else:
                yield Note(text=f"{'/'.join(entry.parts)} is left out: {entry.reason}")

    def level(self) -> Iterator[Entry]:
        if self._start:
            yield from self.objects()
            return
        for entry in self._tree.level():
            if isinstance(entry, FoundFile):
                yield StoredObject(parts=entry.parts, size=entry.size, version=entry.version)
            elif isinstance(entry, SkippedEntry):
                yield Note(text=f"{'/'.join(entry.parts)} is left out: {entry.reason}")
            else:
                yield Folder(parts=entry)

    def fetch(self, found: StoredObject, target: int, stopped: StopSign, count: Count = uncounted) -> FileSum:
        source = self._tree.reach(found.parts)
        try:
            there = os.fstat(target).st_size
            if 0 < there <= os.fstat(source).st_size:
                os.lseek(source, there, os.SEEK_SET)
                os.lseek(target, there, os.SEEK_SET)
                count(there)
            else:
                os.ftruncate(target, 0)
                there = 0
            return FileSum(size=there + copy_contents(source, target, stopped, count), sha256="")
        finally:
            os.close(source)

    def part(self, found: StoredObject, start: int, size: int) -> bytes:
        try:
            source = self._tree.reach(found.parts)
        except FileNotFoundError as error:
            raise NoSuchObject(f"There is no {'/'.join(found.parts)}") from error
        pieces: list[bytes] = []
        try:
            while size > 0 and (piece := os.pread(source, size, start)):
                pieces.append(piece)
                start, size = start + len(piece), size - len(piece)
        finally:
            os.close(source)
        return b"".join(pieces)

    def noted_sum(self, found: StoredObject) -> str:
        source = self._tree.reach(found.parts)
        try:
            return file_sum(source, NEVER).sha256
        finally:
            os.close(source)

    def remove(self, found: Sequence[StoredObject]) -> None:
        for each in found:
            self._tree.remove(each.parts)


class _Writable:
    """A directory that takes files."""

    lanes = 1
    connections = None

    def __init__(self, tree: Tree, writer: str) -> None:
        self._tree = tree
        self._writer = writer

    def put(self, parts: Parts, source: int, stopped: StopSign, count: Count = uncounted) -> FileSum:
        with self._tree.new_file(parts, writer=self._writer) as target:
            return FileSum(size=copy_contents(source, target, stopped, count), sha256="")

    def holds(self, parts: Parts, content: FileSum) -> bool:
        try:
            there = self._tree.reach(parts)
        except FileNotFoundError:
            return False
        try:
            return os.fstat(there).st_size == content.size and file_sum(there, NEVER) == content
        finally:
            os.close(there)

    def withdraw(self, parts: Parts) -> None:
        self._tree.remove(parts)
