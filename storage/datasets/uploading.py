"""Files of a directory into a dataset's location: contents first, each once, then the manifest."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from storage.datasets import layout
from storage.datasets.documents import put_manifest
from storage.datasets.manifest import Manifest, ManifestFile, manifest_of, path_problem
from storage.datasets.notices import PACE, Pace, uploading
from storage.faults import StoreError
from storage.keys import Parts, UnsafeName
from storage.lanes import StopSign
from storage.stores import Stores, Target, several
from storage.sums import FileSum, MovedFile, file_sum
from storage.transfer import Moved, Upload
from storage.trees import FoundFile, Tree
from storage.urls import Location
from storage.watching import UNWATCHED, Watch

# A file that is written to meanwhile has other contents than those it was named by.
_ROUNDS = 3


Base = Callable[[], Iterable[ManifestFile]]
"""Files whose contents are at the location already; asked for when nothing can be removed from there any more."""


def nothing() -> Iterable[ManifestFile]:
    """No files."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Something to be uploaded: files of a tree."""

    tree: Tree
    what: Upload


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """What an upload made. Shape: `moved.there` of the files had contents that the location held already."""

    manifest: Manifest
    moved: Moved


def upload_dataset(
    stores: Stores,
    location: Location,
    chosen: Sequence[Chosen],
    *,
    writer: str,
    stopped: StopSign,
    watch: Watch = UNWATCHED,
    base: Base = nothing,
    lanes: int = 0,
    pace: Pace = PACE,
) -> Uploaded:
    """Bring files, and those of `base` whose paths are not among them, together as one manifest.

    What is there already is not sent again, so an upload that was cut off goes on where it was. Shape: `writer` is a
    plain name that tells uploads apart.
    Errors: StoreError, also where a file keeps changing; TransferStopped.
    """
    work = _Work(watch=watch)
    for each in chosen:
        work.find(each)
    watch.found(len(work.files), sum(found.size for _, found in work.files.values()))
    try:
        for _ in range(_ROUNDS):
            with uploading(stores, location, writer, stopped, pace=pace) as note:
                below = layout.blobs(location)
                with stores.serving(below).target(below, writer, resumes=True) as target:
                    _put_all(work, target, lanes, stopped)
                kept = [file for file in base() if file.parts not in work.files]
                manifest = manifest_of([*work.entries(), *kept])
                put_manifest(stores, location, manifest, writer, stopped)
                if note.is_there:
                    return Uploaded(manifest=manifest, moved=work.moved)
            # It was taken for dead, and what it relied on may be gone.
            work.stored.clear()
    except (OSError, UnsafeName) as error:
        raise StoreError(f"{location.url}: {error}") from error
    raise StoreError(f"{location.url}: the upload took too long to be seen by others. Try again")


@dataclass(slots=True, kw_only=True)
class _Work:
    """One upload. Shape: `files` by their path in the dataset; `stored` holds digests that are at the location."""

    watch: Watch
    moved: Moved = field(default_factory=Moved)
    files: dict[Parts, tuple[Tree, FoundFile]] = field(default_factory=dict)
    sums: dict[Parts, FileSum] = field(default_factory=dict)
    claimed: set[str] = field(default_factory=set)
    stored: set[str] = field(default_factory=set)
    told: set[Parts] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def find(self, chosen: Chosen) -> None:
        for found in chosen.tree.files(chosen.what.start):
            shown = "/".join(found.parts)
            if not isinstance(found, FoundFile):
                self.moved.notes.append(f"{shown} is left out: {found.reason}")
            elif chosen.what.selection.takes((*chosen.what.shown_below, *found.parts)):
                parts = (*chosen.what.prefix, *found.parts)
                problem = path_problem("/".join(parts))
                if problem is not None:
                    self.moved.notes.append(f"{shown!r} is left out: {problem}")
                else:
                    self.files[parts] = (chosen.tree, found)

    def claims(self, digest: str) -> bool:
        """Whether the caller is the one to send these contents."""
        with self._lock:
            is_new = digest not in self.claimed
            self.claimed.add(digest)
            return is_new

    def begin_round(self) -> list[Parts]:
        """The files whose contents are not at the location."""
        self.claimed = set(self.stored)
        return [parts for parts in self.files if parts not in self.sums or self.sums[parts].sha256 not in self.stored]

    def leave_out(self, parts: Parts) -> None:
        """A file that is gone."""
        with self._lock:
            self.moved.notes.append(f"{'/'.join(parts)} is left out: it was removed meanwhile")
            del self.files[parts]

    def tell(self, parts: Parts, content: FileSum, *, was_there: bool) -> None:
        """A file's contents are, or will be, at the location."""
        with self._lock:
            if parts in self.told:
                return
            self.told.add(parts)
        self.moved.add(content, was_there=was_there)
        if was_there:
            self.watch.moved(content.size)
        self.watch.done(MovedFile(parts=parts, size=content.size, sha256=content.sha256, was_there=was_there))

    def entries(self) -> list[ManifestFile]:
        return [
            ManifestFile(path="/".join(parts), size=self.sums[parts].size, sha256=self.sums[parts].sha256)
            for parts in self.files
        ]


def _put_all(work: _Work, target: Target, most_lanes: int, stopped: StopSign) -> None:
    for _ in range(_ROUNDS):
        todo = work.begin_round()
        if not todo:
            return
        with several(target, most_lanes, stopped) as lanes:
            for parts in todo:
                lanes.run(_Job(work, target, parts, lanes), work.files[parts][1].size)
    changing = work.begin_round()
    if changing:
        raise StoreError(f"{'/'.join(changing[0])} keeps changing while it is uploaded. Try again when it is written")


@dataclass(frozen=True, slots=True)
class _Job:
    """The upload of one file."""

    work: _Work
    target: Target
    parts: Parts
    stopped: StopSign

    def __call__(self) -> None:
        tree, found = self.work.files[self.parts]
        try:
            source = tree.reach(found.at)
        except FileNotFoundError:
            self.work.leave_out(self.parts)
            return
        try:
            content = file_sum(source, self.stopped)
            self.work.sums[self.parts] = content
            if self.work.claims(content.sha256):
                self._send(source, content)
            else:
                self.work.tell(self.parts, content, was_there=True)
        finally:
            os.close(source)

    def _send(self, source: int, content: FileSum) -> None:
        blob = layout.blob(content.sha256).parts
        if self.target.holds(blob, content):
            self.work.stored.add(content.sha256)
            self.work.tell(self.parts, content, was_there=True)
            return
        sent = self.target.put(blob, source, self.stopped, self.work.watch.moved)
        # Stores that take no sum are asked; a file that changed meanwhile must not stand under this name.
        if sent == content or (not sent.sha256 and self.target.holds(blob, content)):
            self.work.stored.add(content.sha256)
            self.work.tell(self.parts, content, was_there=False)
        else:
            self.work.watch.moved(-sent.size)
            self.target.withdraw(blob)
