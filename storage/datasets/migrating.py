"""A manifest with its contents from one location to another."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass

from storage.datasets import layout
from storage.datasets.documents import put_manifest
from storage.datasets.downloading import check_content
from storage.datasets.manifest import Manifest, ManifestFile
from storage.datasets.notices import uploading
from storage.faults import StoreError
from storage.keys import UnsafeName
from storage.lanes import Lanes, StopSign
from storage.stores import Source, Stores, Target
from storage.sums import FileSum, MovedFile
from storage.transfer import Moved
from storage.urls import Location
from storage.watching import UNWATCHED, Watch


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
    moved = Moved()
    contents = {file.sha256: file for file in manifest.files}
    watch.found(len(contents), sum(file.size for file in contents.values()))
    here, there = layout.blobs(origin), layout.blobs(goal)
    try:
        with (
            uploading(stores, goal, writer, stopped),
            stores.serving(here).source(here) as source,
            stores.serving(there).target(there, writer, resumes=True) as target,
        ):
            with Lanes(min(source.lanes, target.lanes), stopped) as lanes:
                for file in contents.values():
                    lanes.run(_Copy(source, target, file, origin, goal, lanes, watch, moved))
            put_manifest(stores, goal, manifest, writer, stopped)
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
