"""The files of a manifest into a directory, each compared with its SHA-256, with the help of a cache."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from storage.copying import copy_contents
from storage.datasets import layout
from storage.datasets.cache import BlobCache
from storage.datasets.manifest import Manifest, ManifestFile
from storage.faults import StoreError
from storage.keys import Parts, UnsafeName, path_parts
from storage.lanes import StopSign
from storage.select import EVERYTHING, Selection
from storage.stores import Source, StoredObject, Stores, several
from storage.sums import FileSum, MovedFile, file_sum
from storage.transfer import Moved
from storage.trees import Tree
from storage.urls import FILE_SCHEME, Location
from storage.watching import UNWATCHED, Watch

# Of larger ones, what came before it broke off is used again.
_TAKEN_UP_FROM_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """What is downloaded, and how.

    Shape: only what stands at or below `path` in the dataset, as if that were its root, and what `selection` takes;
    files go `into` a directory of the tree. Where it `resumes`, files that are there with the same contents stay.
    """

    path: str = ""
    selection: Selection = EVERYTHING
    into: Parts = ()
    cache: BlobCache | None = None
    resumes: bool = False
    lanes: int = 0


def chosen_files(manifest: Manifest, path: str, selection: Selection) -> Iterator[tuple[Parts, ManifestFile]]:
    """The files at or below a path, each with its own path from there; one file by itself goes by its base name.

    One that is named by itself is not subject to the selection, as an object that a URL names.
    """
    start = tuple(path_parts(path))
    for file in manifest.files:
        parts = file.parts
        if parts == start:
            yield parts[-1:], file
        elif parts[: len(start)] == start and selection.takes(parts[len(start) :]):
            yield parts[len(start) :], file


def download_dataset(
    stores: Stores,
    location: Location,
    manifest: Manifest,
    tree: Tree,
    what: Download,
    *,
    writer: str,
    stopped: StopSign,
    watch: Watch = UNWATCHED,
) -> Moved:
    """Bring files of a manifest, whose contents are at a location, into a tree.

    Errors: StoreError, also where contents are missing or damaged; TransferStopped.
    """
    by_digest: defaultdict[str, list[tuple[Parts, ManifestFile]]] = defaultdict(list)
    for parts, file in chosen_files(manifest, what.path, what.selection):
        by_digest[file.sha256].append((parts, file))
        watch.found(1, file.size)
    moved = Moved()
    # Disks are not faster for a copy on another place of the disk.
    cache = None if location.scheme == FILE_SCHEME else what.cache
    below = layout.blobs(location)
    try:
        with stores.serving(below).source(below) as source:
            with several(source, what.lanes, stopped) as lanes:
                work = _Work(stores, location, source, tree, what, cache, writer, lanes, watch, moved)
                for files in by_digest.values():
                    lanes.run(_Job(work, files), files[0][1].size)
            if cache is not None and work.kept:
                cache.trim(sum(by_digest[digest][0][1].size for digest in work.kept))
    except (OSError, UnsafeName) as error:
        raise StoreError(f"{location.url}: {error}") from error
    return moved


@dataclass(slots=True)
class _Work:
    """One download."""

    stores: Stores
    location: Location
    source: Source
    tree: Tree
    what: Download
    cache: BlobCache | None
    writer: str
    stopped: StopSign
    watch: Watch
    moved: Moved
    kept: set[str] = field(default_factory=set)

    def done(self, parts: Parts, file: ManifestFile, *, was_there: bool) -> None:
        self.moved.add(FileSum(size=file.size, sha256=file.sha256), was_there=was_there)
        self.watch.done(MovedFile(parts=parts, size=file.size, sha256=file.sha256, was_there=was_there))


@dataclass(frozen=True, slots=True)
class _Job:
    """All files of one content."""

    work: _Work
    files: list[tuple[Parts, ManifestFile]]

    def __call__(self) -> None:
        work = self.work
        held: Parts | None = None
        for parts, file in self.files:
            path = (*work.what.into, *parts)
            if work.what.resumes and self._is_there(path, file):
                work.watch.moved(file.size)
                work.done(parts, file, was_there=True)
            else:
                self._write(path, file, held)
                work.done(parts, file, was_there=False)
            held = path

    def _write(self, path: Parts, file: ManifestFile, held: Parts | None) -> None:
        work = self.work
        takes_up = work.what.resumes and file.size >= _TAKEN_UP_FROM_BYTES
        writer = f"{file.sha256}/{file.size}" if takes_up else work.writer
        with work.tree.new_file(path, writer=writer, takes_up=takes_up) as target:
            if held is not None:
                os.ftruncate(target, 0)
                self._copy(held, target)
                work.watch.moved(file.size)
            elif work.cache is not None and work.cache.take(file.sha256, file.size, target, work.stopped):
                work.watch.moved(file.size)
            else:
                self._fetch(file, target, takes_up=takes_up)

    def _fetch(self, file: ManifestFile, target: int, *, takes_up: bool) -> None:
        work = self.work
        blob = layout.blob(file.sha256, file.size)
        content = work.source.fetch(
            _versioned(work, blob) if takes_up else blob, target, work.stopped, work.watch.moved
        )
        check_content(file, content, target, work.stopped, work.location)
        if work.cache is not None:
            work.cache.keep(file.sha256, file.size, target, work.writer, work.stopped)
            work.kept.add(file.sha256)

    def _copy(self, held: Parts, target: int) -> None:
        source = self.work.tree.reach(held)
        try:
            copy_contents(source, target, self.work.stopped)
        finally:
            os.close(source)

    def _is_there(self, path: Parts, file: ManifestFile) -> bool:
        try:
            there = self.work.tree.reach(path)
        except OSError:
            return False
        try:
            if os.fstat(there).st_size != file.size:
                return False
            return file_sum(there, self.work.stopped).sha256 == file.sha256
        finally:
            os.close(there)


def check_content(file: ManifestFile, content: FileSum, descriptor: int, stopped: StopSign, location: Location) -> None:
    """Return if contents that were fetched are those of a file. Errors: StoreError."""
    found = content if content.sha256 else file_sum(descriptor, stopped)
    if found != FileSum(size=file.size, sha256=file.sha256):
        raise StoreError(
            f"{location.url}: the contents of {file.path} are damaged: expected SHA-256 {file.sha256} and {file.size} "
            f"bytes, got {found.sha256} and {found.size}. Upload the file again"
        )


def _versioned(work: _Work, blob: StoredObject) -> StoredObject:
    """The blob with its entity tag, without which what came of it before cannot be used."""
    place = layout.blobs(work.location).below(*blob.parts)
    with work.stores.serving(place).source(place) as source:
        found: Iterable[StoredObject] = (each for each in source.objects() if isinstance(each, StoredObject))
        for each in found:
            return StoredObject(parts=blob.parts, size=each.size, version=each.version)
    return blob
