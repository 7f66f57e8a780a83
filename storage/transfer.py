"""Transfers: a location into a tree, a tree to a location. Source: workflow-spec.md §6.3, §6.4.

The layout is kept; a transfer that is repeated replaces what it wrote before, so it may be taken up after a crash by
doing it again. One that resumes leaves out what is there already and goes on in the middle of large files.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from storage.faults import StoreError, TransferStopped
from storage.keys import Parts, UnsafeName
from storage.lanes import StopSign
from storage.reserved import is_reserved
from storage.select import EVERYTHING, Selection
from storage.stores import Entry, Note, Source, StoredObject, Stores, Target, several
from storage.sums import FileSum, MovedFile, file_sum, looks_like_md5
from storage.trees import FoundFile, Tree
from storage.urls import Location
from storage.watching import UNWATCHED, Watch

_REMOVED_AT_ONCE = 1000


@dataclass(slots=True, kw_only=True)
class Moved:
    """What a transfer did.

    Shape: `there` of the `files` were where they should be already; `notes` are sentences about what was left out.
    Units: bytes.
    """

    files: int = 0
    bytes: int = 0
    there: int = 0
    notes: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, content: FileSum, *, was_there: bool = False) -> None:
        """Count one file. Any thread."""
        with self._lock:
            self.files += 1
            self.bytes += content.size
            self.there += was_there


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What is uploaded.

    Shape: everything below `start` that `selection` takes, or `start` itself where it is a file; each file under
    `prefix` and its path below `start`. The selection sees `shown_below` before that path.
    """

    start: Parts
    selection: Selection = EVERYTHING
    prefix: Parts = ()
    shown_below: Parts = ()


class Transfer:
    """Moves data until it is told to stop; one thread, which takes others to help where the store can use them.

    Shape: `watch` is told how far it is; where it `resumes`, what is there already, with the same SHA-256, is not moved
    again, and what came of a large file is kept for the next time.
    """

    def __init__(
        self, stores: Stores, stopped: StopSign, *, watch: Watch = UNWATCHED, resumes: bool = False, lanes: int = 0
    ) -> None:
        self._stores = stores
        self._stopped = stopped
        self._watch = watch
        self._resumes = resumes
        self._lanes = lanes

    def download(self, location: Location, tree: Tree, into: Parts, chosen: Selection) -> Moved:
        """Bring every chosen object of a location into a directory of a tree.

        A location that is one object is not subject to the selection and lands under its base name.
        Errors: StoreError; TransferStopped.
        """
        moved = Moved()
        try:
            with (
                self._stores.serving(location).source(location) as source,
                several(source, self._lanes, self._stopped) as lanes,
            ):
                for found in self._selected(source, chosen, moved):
                    if is_reserved(found.parts):
                        continue
                    self._watch.found(1, found.size)
                    lanes.run(partial(self._fetch, source, found, tree, into, moved, lanes), found.size)
        except (OSError, UnsafeName) as error:
            raise StoreError(f"{location.url}: {error}") from error
        return moved

    def upload(self, tree: Tree, what: Upload, location: Location, writer: str) -> Moved:
        """Bring the chosen files of a tree to a location; where nothing is chosen nothing is written.

        Errors: StoreError; TransferStopped.
        """
        moved = Moved()
        try:
            files = list(_chosen(tree, what, moved))
            self._watch.found(len(files), sum(found.size for found in files))
            if files:
                with (
                    self._stores.serving(location).target(location, writer, resumes=self._resumes) as target,
                    several(target, self._lanes, self._stopped) as lanes,
                ):
                    for found in files:
                        lanes.run(partial(self._put, tree, found, what.prefix, target, moved, lanes), found.size)
        except (OSError, UnsafeName) as error:
            raise StoreError(f"{location.url}: {error}") from error
        return moved

    def delete(self, location: Location, chosen: Selection = EVERYTHING) -> Moved:
        """Remove every chosen object of a location; one that is a single object is not subject to the selection.

        Shape: `bytes` are those of the removed objects. Errors: StoreError; TransferStopped.
        """
        moved = Moved()
        try:
            with self._stores.serving(location).source(location) as source:
                held: list[StoredObject] = []
                for found in self._selected(source, chosen, moved):
                    self._watch.found(1, found.size)
                    held.append(found)
                    if len(held) == _REMOVED_AT_ONCE:
                        self._remove(source, held, moved)
                        held = []
                if held:
                    self._remove(source, held, moved)
        except (OSError, UnsafeName) as error:
            raise StoreError(f"{location.url}: {error}") from error
        return moved

    def listed(self, location: Location, chosen: Selection = EVERYTHING, *, recursive: bool = True) -> Iterator[Entry]:
        """What is in a location, or below it where it is `recursive`; the selection is for objects.

        Errors: StoreError; TransferStopped.
        """
        try:
            with self._stores.serving(location).source(location) as source:
                for found in source.objects() if recursive else source.level():
                    if self._stopped.is_set():
                        raise TransferStopped
                    if not isinstance(found, StoredObject) or source.single or chosen.takes(found.parts):
                        yield found
        except (OSError, UnsafeName) as error:
            raise StoreError(f"{location.url}: {error}") from error

    def _selected(self, source: Source, chosen: Selection, moved: Moved) -> Iterator[StoredObject]:
        for found in source.objects():
            if self._stopped.is_set():
                raise TransferStopped
            if isinstance(found, Note):
                moved.notes.append(found.text)
            elif source.single or chosen.takes(found.parts):
                yield found

    def _fetch(
        self, source: Source, found: StoredObject, tree: Tree, into: Parts, moved: Moved, stopped: StopSign
    ) -> None:
        path = (*into, *found.parts)
        if self._resumes and (there := _same_file(source, found, tree, path, stopped)) is not None:
            self._done(found.parts, there, moved, was_there=True)
            return
        takes_up = self._resumes and bool(found.version)
        writer = f"{found.version}/{found.size}" if takes_up else ""
        with tree.new_file(path, writer=writer, takes_up=takes_up) as target:
            content = source.fetch(found, target, stopped, self._watch.moved)
            content = self._with_sum(content, target, stopped)
        self._done(found.parts, content, moved)

    def _put(
        self, tree: Tree, found: FoundFile, prefix: Parts, target: Target, moved: Moved, stopped: StopSign
    ) -> None:
        try:
            source = tree.reach(found.at)
        except FileNotFoundError:
            # Programs rotate their files while a checkpoint is taken.
            moved.notes.append(f"{'/'.join(found.parts)} is left out: it was removed meanwhile")
            return
        try:
            parts = (*prefix, *found.parts)
            if self._resumes:
                content = file_sum(source, stopped)
                if target.holds(parts, content):
                    self._done(found.parts, content, moved, was_there=True)
                    return
            content = target.put(parts, source, stopped, self._watch.moved)
            self._done(found.parts, self._with_sum(content, source, stopped), moved)
        finally:
            os.close(source)

    def _with_sum(self, content: FileSum, descriptor: int, stopped: StopSign) -> FileSum:
        """The sum with its SHA-256, where anybody wants to know."""
        return content if content.sha256 or not self._watch.wants_sums else file_sum(descriptor, stopped)

    def _done(self, parts: Parts, content: FileSum, moved: Moved, *, was_there: bool = False) -> None:
        moved.add(content, was_there=was_there)
        if was_there:
            self._watch.moved(content.size)
        self._watch.done(MovedFile(parts=parts, size=content.size, sha256=content.sha256, was_there=was_there))

    def _remove(self, source: Source, found: list[StoredObject], moved: Moved) -> None:
        source.remove(found)
        for each in found:
            self._watch.moved(each.size)
            self._done(each.parts, FileSum(size=each.size, sha256=""), moved)


def _same_file(source: Source, found: StoredObject, tree: Tree, path: Parts, stopped: StopSign) -> FileSum | None:
    """The sum of a file that is there with an object's contents."""
    try:
        there = tree.reach(path)
    except FileNotFoundError:
        return None
    try:
        if os.fstat(there).st_size != found.size:
            return None
        content, noted = file_sum(there, stopped), source.noted_sum(found)
        if noted:
            return content if noted == content.sha256 else None
        tag = found.version.strip('"').lower()
        return content if looks_like_md5(tag) and _md5(there) == tag else None
    finally:
        os.close(there)


def _md5(descriptor: int) -> str:
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        return hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).hexdigest()


def _chosen(tree: Tree, what: Upload, moved: Moved) -> Iterator[FoundFile]:
    for found in tree.files(what.start):
        if not isinstance(found, FoundFile):
            moved.notes.append(f"{'/'.join(found.parts)} is left out: {found.reason}")
        elif what.selection.takes((*what.shown_below, *found.parts)):
            yield found
