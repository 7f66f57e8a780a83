"""Where the parts of datasets lie below their location in an object store.

blobs/sha256/ab/<digest>     contents of files, by their SHA-256
manifests/<digest>.json      manifests, by theirs
writers/<name>               an upload is going on
purges/<name>                contents are being removed
"""

from __future__ import annotations

from storage.datasets.manifest import ManifestId
from storage.keys import Parts
from storage.stores import StoredObject
from storage.urls import Location

_BLOBS: Parts = ("blobs", "sha256")
_MANIFESTS = "manifests"
_SUFFIX = ".json"


def blobs(location: Location) -> Location:
    """What blobs' parts are below. A slash at the end says that it is no single object."""
    return _folder(location.below(*_BLOBS))


def manifests(location: Location) -> Location:
    """What manifests' parts are below."""
    return _folder(location.below(_MANIFESTS))


def writers(location: Location) -> Location:
    """Where uploads that are going on are noted."""
    return _folder(location.below("writers"))


def purges(location: Location) -> Location:
    """Where removals that are going on are noted."""
    return _folder(location.below("purges"))


def blob(digest: str, size: int = 0) -> StoredObject:
    """A blob below `blobs`."""
    return StoredObject(parts=(digest[:2], digest), size=size)


def manifest(manifest_id: str) -> Parts:
    """A manifest below `manifests`."""
    return (f"{manifest_id}{_SUFFIX}",)


def manifest_id_of(parts: Parts) -> ManifestId | None:
    """The manifest that an object below `manifests` is; None for something else."""
    name = parts[-1]
    return ManifestId(name.removesuffix(_SUFFIX)) if len(parts) == 1 and name.endswith(_SUFFIX) else None


def _folder(location: Location) -> Location:
    return Location(scheme=location.scheme, path=f"{location.path}/")
