"""Manifests in and out of a store, and which blobs it holds."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator

from storage.datasets import layout
from storage.datasets.manifest import MAX_DOCUMENT_BYTES, BadManifest, Manifest, ManifestId, is_digest, read_manifest
from storage.faults import StoreError
from storage.keys import UnsafeName
from storage.lanes import NEVER, StopSign
from storage.stores import StoredObject, Stores
from storage.sums import sum_of_bytes
from storage.urls import Location


def fetch_manifest(stores: Stores, location: Location, manifest_id: str, stopped: StopSign = NEVER) -> Manifest:
    """A manifest of a location, found to be the one that was asked for.

    Errors: BadManifest where what is there is another document; StoreError where nothing is, or it cannot be read.
    """
    if not is_digest(manifest_id):
        raise BadManifest(f"Expected the id of a manifest, 64 hexadecimal digits: {manifest_id[:100]!r}")
    place = location.below("manifests", *layout.manifest(manifest_id))
    try:
        with stores.serving(place).source(place) as source, tempfile.TemporaryFile() as file:
            found = next((each for each in source.objects() if isinstance(each, StoredObject)), None)
            if found is None or not source.single:
                raise StoreError(f"There is no manifest {manifest_id} at {location.url}")
            if found.size > MAX_DOCUMENT_BYTES:
                raise BadManifest(f"{place.url}: Expected at most {MAX_DOCUMENT_BYTES} bytes, got {found.size}")
            source.fetch(found, file.fileno(), stopped)
            file.seek(0)
            return read_manifest(file.read(MAX_DOCUMENT_BYTES + 1), manifest_id)
    except BadManifest as error:
        raise BadManifest(f"{place.url}: {error}") from error
    except (OSError, UnsafeName) as error:
        raise StoreError(f"{place.url}: {error}") from error


def put_manifest(stores: Stores, location: Location, manifest: Manifest, writer: str, stopped: StopSign) -> None:
    """Have a manifest at a location. Errors: StoreError; TransferStopped."""
    below, parts = layout.manifests(location), layout.manifest(manifest.id)
    try:
        with stores.serving(below).target(below, writer) as target, tempfile.TemporaryFile() as file:
            if target.holds(parts, sum_of_bytes(manifest.document)):
                return
            file.write(manifest.document)
            file.seek(0)
            target.put(parts, file.fileno(), stopped)
    except (OSError, UnsafeName) as error:
        raise StoreError(f"{below.url}: {error}") from error


def manifest_ids(stores: Stores, location: Location) -> Iterator[ManifestId]:
    """The manifests of a location. Errors: StoreError."""
    below = layout.manifests(location)
    with stores.serving(below).source(below) as source:
        for found in source.level():
            if isinstance(found, StoredObject) and (named := layout.manifest_id_of(found.parts)) is not None:
                yield named


def present_blobs(stores: Stores, location: Location, digests: Iterable[str]) -> dict[str, int]:
    """Which of some blobs are there, with their sizes in bytes. Errors: StoreError."""
    wanted = set(digests)
    there: dict[str, int] = {}
    for prefix in sorted({digest[:2] for digest in wanted}):
        below = Location(scheme=location.scheme, path=f"{layout.blobs(location).path}{prefix}/")
        with stores.serving(below).source(below) as source:
            for found in source.level():
                if isinstance(found, StoredObject) and found.parts[-1] in wanted:
                    there[found.parts[-1]] = found.size
    return there
