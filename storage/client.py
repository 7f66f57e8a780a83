"""The storage layer for programs in Python: one object, five verbs. How to use it: docs/data.md."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

from storage.credentials import DataCredential, UserKeys
from storage.faults import StoreError
from storage.lanes import NEVER, StopSign
from storage.local import LocalStore
from storage.probe import Access, probe
from storage.remote import remote_stores
from storage.select import selection
from storage.stores import StoredObject, Stores
from storage.transfer import Moved, Transfer, Upload
from storage.trees import Tree
from storage.urls import FILE_SCHEME, parse_location
from storage.watching import UNWATCHED, Watch


class DataClient:
    """Moves files between directories and object stores. Any thread.

    Shape: `keys` by the place they open (`s3://bucket`, `azure://account`); without one the machine's own identity
    serves where the scheme knows such. `watch` is told how far a transfer is, `stopped` ends it; one that `resumes`
    leaves out what is there already and goes on in the middle of large files.
    Errors: every method raises StoreError with what to do, and TransferStopped where `stopped` said so.
    """

    def __init__(
        self,
        keys: Mapping[str, DataCredential] | None = None,
        *,
        watch: Watch = UNWATCHED,
        stopped: StopSign = NEVER,
        resumes: bool = False,
    ) -> None:
        self._stores = Stores({FILE_SCHEME: LocalStore(), **remote_stores(UserKeys(keys or {}))})
        self._stopped = stopped
        self._transfer = Transfer(self._stores, stopped, watch=watch, resumes=resumes)

    def upload(self, path: str | Path, url: str, regex: str = "") -> Moved:
        """Bring what is in a directory, or one file, below a URL."""
        place = Path(path)
        single = not place.is_dir()
        try:
            tree = Tree.open(place.parent if single else place)
        except OSError as error:
            raise StoreError(f"{place} cannot be opened: {error.strerror}") from error
        what = Upload(start=(place.name,) if single else (), selection=selection(regex))
        with tree:
            return self._transfer.upload(tree, what, parse_location(url), uuid.uuid4().hex)

    def download(self, url: str, directory: str | Path, regex: str = "") -> Moved:
        """Bring all below a URL, or the one object that it names, into a directory, made where it is not there."""
        location = parse_location(url)
        try:
            tree = Tree.open(Path(directory), create=True)
        except OSError as error:
            raise StoreError(f"{directory} cannot be opened: {error.strerror}") from error
        with tree:
            return self._transfer.download(location, tree, (), selection(regex))

    def list(self, url: str, regex: str = "") -> Iterator[StoredObject]:
        """The objects below a URL, as they come."""
        for entry in self._transfer.listed(parse_location(url), selection(regex)):
            if isinstance(entry, StoredObject):
                yield entry

    def delete(self, url: str, regex: str = "") -> Moved:
        """Remove the objects below a URL, or the one that it names."""
        return self._transfer.delete(parse_location(url), selection(regex))

    def check(self, url: str, access: Access = Access.READ) -> None:
        """Return if a URL is open for reading, writing or deleting."""
        probe(self._stores, parse_location(url), access, self._stopped)
