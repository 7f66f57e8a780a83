"""Whether what a passport lists is still where it says, byte for byte."""

from __future__ import annotations

import tempfile
import threading
from dataclasses import dataclass, field
from functools import partial

from runtime.passport import PassportPlace
from storage.datasets.manifest import ManifestFile
from storage.faults import StoreError, StoreRefused
from storage.keys import UnsafeName
from storage.lanes import Lanes, StopSign
from storage.stores import Source, StoredObject, Stores
from storage.sums import MovedFile, file_sum
from storage.urls import Location
from storage.watching import UNWATCHED, Watch


@dataclass(slots=True, kw_only=True)
class PlaceChecked:
    """What was found at one place. Shape: paths below `url`, sorted; `damaged` ones have other contents."""

    url: str
    files: int
    missing: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @property
    def is_whole(self) -> bool:
        """Whether everything is there as it should be."""
        return not self.missing and not self.damaged

    def differs(self, file: ManifestFile) -> None:
        """Note a file whose contents are others. Any thread."""
        with self._lock:
            self.damaged.append(file.path)


def check_place(
    stores: Stores, location: Location, place: PassportPlace, stopped: StopSign, *, watch: Watch = UNWATCHED
) -> PlaceChecked:
    """Read what is at a location and compare it with what was uploaded to a place; other files there do not matter.

    Errors: StoreError where the location cannot be read at all; TransferStopped.
    """
    found = PlaceChecked(url=location.url, files=len(place.files))
    wanted = {file.parts: file for file in place.files}
    # The slash says that all below it is meant, also where an object of that name is.
    below = Location(scheme=location.scheme, path=f"{location.path.rstrip('/')}/")
    watch.found(len(wanted), sum(file.size for file in wanted.values()))
    try:
        with stores.serving(below).source(below) as source, Lanes(source.lanes, stopped) as lanes:
            for entry in source.objects():
                file = wanted.pop(entry.parts, None) if isinstance(entry, StoredObject) else None
                if file is not None and isinstance(entry, StoredObject):
                    lanes.run(partial(_compare, source, entry, file, found, lanes, watch))
    except (OSError, UnsafeName) as error:
        raise StoreError(f"{location.url}: {error}") from error
    found.missing = sorted(file.path for file in wanted.values())
    found.damaged.sort()
    return found


def _compare(
    source: Source, entry: StoredObject, file: ManifestFile, found: PlaceChecked, stopped: StopSign, watch: Watch
) -> None:
    if entry.size != file.size:
        found.differs(file)
    else:
        try:
            with tempfile.TemporaryFile() as target:
                content = source.fetch(entry, target.fileno(), stopped, watch.moved)
                if not content.sha256:
                    content = file_sum(target.fileno(), stopped)
            if content.sha256 != file.sha256:
                found.differs(file)
        except StoreRefused:
            raise
        except StoreError:
            # It does not have the sum that its own store noted.
            found.differs(file)
    watch.done(MovedFile(parts=file.parts, size=file.size, sha256=file.sha256))
