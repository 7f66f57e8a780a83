"""Whether a location holds what a manifest names."""

from __future__ import annotations

import tempfile
import threading
from dataclasses import dataclass, field

from storage.datasets import layout
from storage.datasets.documents import present_blobs
from storage.datasets.downloading import check_content
from storage.datasets.manifest import Manifest, ManifestFile
from storage.faults import StoreError, StoreRefused
from storage.keys import UnsafeName
from storage.lanes import Lanes, StopSign
from storage.stores import Source, Stores
from storage.sums import MovedFile
from storage.urls import Location
from storage.watching import UNWATCHED, Watch


@dataclass(slots=True, kw_only=True)
class Checked:
    """What was found. Shape: paths of the dataset, sorted; `damaged` ones could not be read as they should be.

    Units: bytes.
    """

    files: int = 0
    bytes: int = 0
    missing: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether everything is there as it should be."""
        return not self.missing and not self.damaged


def check_dataset(
    stores: Stores,
    location: Location,
    manifest: Manifest,
    stopped: StopSign,
    *,
    reads: bool = True,
    watch: Watch = UNWATCHED,
) -> Checked:
    """Compare the contents at a location with a manifest; unless it `reads` them, only whether they are there, by size.

    Errors: StoreError where the location cannot be asked; TransferStopped.
    """
    found = Checked(files=len(manifest.files), bytes=manifest.size)
    by_digest: dict[str, list[ManifestFile]] = {}
    for file in manifest.files:
        by_digest.setdefault(file.sha256, []).append(file)
    watch.found(len(by_digest), sum(files[0].size for files in by_digest.values()))
    bad = _Bad()
    try:
        there = present_blobs(stores, location, by_digest)
        below = layout.blobs(location)
        with stores.serving(below).source(below) as source, Lanes(source.lanes, stopped) as lanes:
            for digest, files in by_digest.items():
                size = there.get(digest)
                if size is None:
                    bad.missing.add(digest)
                elif size != files[0].size:
                    bad.damaged.add(digest)
                elif reads:
                    lanes.run(_Reading(source, files[0], location, bad, lanes, watch))
                else:
                    _done(watch, files[0])
    except (OSError, UnsafeName) as error:
        raise StoreError(f"{location.url}: {error}") from error
    found.missing += sorted(file.path for digest in bad.missing for file in by_digest[digest])
    found.damaged += sorted(file.path for digest in bad.damaged for file in by_digest[digest])
    return found


@dataclass(slots=True)
class _Bad:
    missing: set[str] = field(default_factory=set)
    damaged: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads one content."""

    source: Source
    file: ManifestFile
    location: Location
    bad: _Bad
    stopped: StopSign
    watch: Watch

    def __call__(self) -> None:
        with tempfile.TemporaryFile() as target:
            blob = layout.blob(self.file.sha256, self.file.size)
            try:
                content = self.source.fetch(blob, target.fileno(), self.stopped, self.watch.moved)
                check_content(self.file, content, target.fileno(), self.stopped, self.location)
            except StoreRefused:
                raise
            except StoreError:
                with self.bad.lock:
                    self.bad.damaged.add(self.file.sha256)
        _done(self.watch, self.file, moved=False)


def _done(watch: Watch, file: ManifestFile, *, moved: bool = True) -> None:
    if moved:
        watch.moved(file.size)
    watch.done(MovedFile(parts=file.parts, size=file.size, sha256=file.sha256))
