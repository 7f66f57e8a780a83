"""Removes manifests from a location, and the contents that no other manifest there names."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice

from storage.datasets import layout
from storage.datasets.documents import fetch_manifest, manifest_ids, present_blobs
from storage.datasets.notices import PACE, Note, Pace, purging
from storage.faults import StoreError
from storage.keys import UnsafeName
from storage.lanes import StopSign
from storage.stores import StoredObject, Stores
from storage.sums import FileSum, MovedFile
from storage.transfer import Moved
from storage.urls import Location
from storage.watching import UNWATCHED, Watch

_AT_ONCE = 1000


def purge_manifests(
    stores: Stores,
    location: Location,
    manifests: Collection[str],
    *,
    name: str,
    stopped: StopSign,
    force: bool = False,
    watch: Watch = UNWATCHED,
    pace: Pace = PACE,
) -> Moved:
    """Remove manifests, and contents of theirs that nothing else refers to; those that are gone already are no error.

    Contents go first, so that a removal that was cut off may be done again. Shape: counts contents, each once.
    Errors: StoreError, also where an upload goes on or another manifest cannot be read; TransferStopped.
    """
    moved = Moved()
    try:
        with purging(stores, location, name, stopped, force=force, pace=pace) as note:
            known = set(manifest_ids(stores, location))
            gone = known.intersection(manifests)
            unused = _contents(stores, location, gone, stopped)
            for kept in sorted(known - gone):
                if not unused:
                    break
                unused -= fetch_manifest(stores, location, kept, stopped).digests.keys()
            _remove_blobs(stores, location, unused, moved, watch, note)
            _check(note, location)
            _remove_manifests(stores, location, gone)
    except (OSError, UnsafeName) as error:
        raise StoreError(f"{location.url}: {error}") from error
    return moved


def _contents(stores: Stores, location: Location, manifests: Collection[str], stopped: StopSign) -> set[str]:
    found: set[str] = set()
    for each in manifests:
        found.update(fetch_manifest(stores, location, each, stopped).digests)
    return found


def _check(note: Note, location: Location) -> None:
    if not note.is_there:
        raise StoreError(f"{location.url}: the removal took too long to be seen by uploads. Run it again")


def _remove_blobs(
    stores: Stores, location: Location, digests: Collection[str], moved: Moved, watch: Watch, note: Note
) -> None:
    there = present_blobs(stores, location, digests)
    watch.found(len(there), sum(there.values()))
    below = layout.blobs(location)
    with stores.serving(below).source(below) as source:
        left = iter(sorted(there.items()))
        while some := list(islice(left, _AT_ONCE)):
            _check(note, location)
            source.remove([layout.blob(digest, size) for digest, size in some])
            for digest, size in some:
                moved.add(FileSum(size=size, sha256=digest))
                watch.moved(size)
                watch.done(MovedFile(parts=layout.blob(digest).parts, size=size, sha256=digest))


def _remove_manifests(stores: Stores, location: Location, manifests: Collection[str]) -> None:
    below = layout.manifests(location)
    with stores.serving(below).source(below) as source:
        source.remove([StoredObject(parts=layout.manifest(each), size=0) for each in sorted(manifests)])
