"""Versions from one location to another, and several versions as one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from storage.datasets import layout
from storage.datasets.documents import fetch_manifest, put_manifest
from storage.datasets.downloading import check_content
from storage.datasets.manifest import Manifest, ManifestFile, manifest_of
from storage.datasets.notices import Note, uploading
from storage.faults import StoreError
from storage.keys import Parts, UnsafeName
from storage.lanes import Lanes, StopSign
from storage.stores import Source, Stores, Target
from storage.sums import FileSum, MovedFile
from storage.transfer import Moved
from storage.urls import Location
from storage.watching import UNWATCHED, Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of several versions that are joined. Shape: `prefix` stands before its paths; `name` says it to the user."""

    name: str
    origin: Location
    manifest_id: str
    prefix: Parts = ()


def copy_dataset(
    stores: Stores,
    origin: Location,
    goal: Location,
    manifest: Manifest,
    *,
    writer: str,
    stopped: StopSign,
    watch: Watch = UNWATCHED,
) -> Moved:
    """Have the contents of a manifest, and then the manifest, at another location; what is there already stays.

    Shape: counts contents, each once. Errors: StoreError; TransferStopped.
    """
    with uploading(stores, goal, writer, stopped) as note:
        moved = copy_contents_of(stores, origin, goal, manifest.files, writer=writer, stopped=stopped, watch=watch)
        put_manifest(stores, goal, manifest, writer, stopped)
        _check(note, goal)
    return moved


def join_datasets(
    stores: Stores,
    goal: Location,
    parts: Sequence[Part],
    *,
    writer: str,
    stopped: StopSign,
    watch: Watch = UNWATCHED,
) -> tuple[Manifest, Moved]:
    """Have the files of several manifests as one at a location, with what of their contents is not there yet.

    Errors: StoreError, also where two have different files of one path; TransferStopped.
    """
    moved = Moved()
    files: dict[str, ManifestFile] = {}
    with uploading(stores, goal, writer, stopped) as note:
        for part in parts:
            # Read here, when nothing can be removed from the goal any more.
            manifest = fetch_manifest(stores, part.origin, part.manifest_id, stopped)
            for file in manifest.files:
                path = "/".join((*part.prefix, file.path))
                named = ManifestFile(path=path, size=file.size, sha256=file.sha256)
                if files.setdefault(path, named) != named:
                    raise StoreError(f"{part.name} and one before it have different files called {path}")
            if part.origin != goal:
                some = copy_contents_of(
                    stores, part.origin, goal, manifest.files, writer=writer, stopped=stopped, watch=watch
                )
                moved.files += some.files
                moved.bytes += some.bytes
                moved.there += some.there
        joined = manifest_of(files.values())
        put_manifest(stores, goal, joined, writer, stopped)
        _check(note, goal)
    return joined, moved


def _check(note: Note, goal: Location) -> None:
    if not note.is_there:
        raise StoreError(f"{goal.url}: the copy took too long to be seen by others. Run it again")


def copy_contents_of(
    stores: Stores,
    origin: Location,
    goal: Location,
    files: Iterable[ManifestFile],
    *,
    writer: str,
    stopped: StopSign,
    watch: Watch = UNWATCHED,
) -> Moved:
    """Have the contents of some files at another location too. Shape and errors: as `copy_dataset`."""
    moved = Moved()
    contents = {file.sha256: file for file in files}
    watch.found(len(contents), sum(file.size for file in contents.values()))
    here, there = layout.blobs(origin), layout.blobs(goal)
    try:
        with (
            stores.serving(here).source(here) as source,
            stores.serving(there).target(there, writer, resumes=True) as target,
            Lanes(min(source.lanes, target.lanes), stopped) as lanes,
        ):
            for file in contents.values():
                lanes.run(_Copy(source, target, file, origin, goal, lanes, watch, moved))
    except (OSError, UnsafeName) as error:
        raise StoreError(f"{origin.url} to {goal.url}: {error}") from error
    return moved


@dataclass(frozen=True, slots=True)
class _Copy:
    source: Source
    target: Target
    file: ManifestFile
    origin: Location
    goal: Location
    stopped: StopSign
    watch: Watch
    moved: Moved

    def __call__(self) -> None:
        file, blob = self.file, layout.blob(self.file.sha256, self.file.size)
        content = FileSum(size=file.size, sha256=file.sha256)
        was_there = self.target.holds(blob.parts, content)
        if not was_there:
            with tempfile.TemporaryFile() as held:
                fetched = self.source.fetch(blob, held.fileno(), self.stopped)
                check_content(file, fetched, held.fileno(), self.stopped, self.origin)
                held.seek(0)
                put = self.target.put(blob.parts, held.fileno(), self.stopped, self.watch.moved)
                if put.sha256 != file.sha256 and not self.target.holds(blob.parts, content):
                    self.target.withdraw(blob.parts)
                    raise StoreError(f"{self.goal.url} does not hold what was put there ({file.path}). Try again")
        else:
            self.watch.moved(file.size)
        self.moved.add(content, was_there=was_there)
        self.watch.done(MovedFile(parts=file.parts, size=file.size, sha256=file.sha256, was_there=was_there))
