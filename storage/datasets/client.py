"""Datasets for programs in Python: one object, six verbs. How to use it: docs/datasets.md."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from storage.credentials import DataCredential, UserKeys
from storage.datasets.cache import BlobCache
from storage.datasets.checking import Checked, check_dataset
from storage.datasets.documents import fetch_manifest
from storage.datasets.downloading import Download, download_dataset
from storage.datasets.manifest import Manifest
from storage.datasets.migrating import copy_dataset
from storage.datasets.notices import PACE, Pace
from storage.datasets.purging import purge_manifests
from storage.datasets.uploading import Base, Chosen, Uploaded, nothing, upload_dataset
from storage.faults import StoreError
from storage.lanes import NEVER, StopSign
from storage.local import LocalStore
from storage.remote import remote_stores
from storage.select import selection
from storage.stores import Stores
from storage.transfer import Moved, Upload
from storage.trees import Tree
from storage.urls import FILE_SCHEME, parse_location
from storage.watching import UNWATCHED, Watch


class DatasetClient:
    """The versions of datasets at one location of an object store. Any thread.

    Shape: `keys` as for `storage.client.DataClient`; `cache` keeps what was fetched on this machine.
    Errors: every method raises StoreError with what to do, and TransferStopped where `stopped` said so.
    """

    def __init__(
        self,
        url: str,
        keys: Mapping[str, DataCredential] | None = None,
        *,
        cache: BlobCache | None = None,
        watch: Watch = UNWATCHED,
        stopped: StopSign = NEVER,
        stores: Stores | None = None,
        pace: Pace = PACE,
    ) -> None:
        self._location = parse_location(url.rstrip("/"))
        self._stores = stores or Stores({FILE_SCHEME: LocalStore(), **remote_stores(UserKeys(keys or {}))})
        self._cache = cache
        self._watch = watch
        self._stopped = stopped
        self._pace = pace

    def upload(self, paths: Sequence[str | Path], *, regex: str = "", base: Base = nothing) -> Uploaded:
        """Have what is in directories, and files, at the location, with the files of `base` that they do not replace.

        Shape: a directory stands for what is in it, a file goes by its name.
        """
        with ExitStack() as stack:
            chosen = []
            for each in paths:
                path = Path(each)
                single = not path.is_dir()
                tree = stack.enter_context(_tree(path.parent if single else path))
                what = Upload(start=(path.name,) if single else (), selection=selection(regex))
                chosen.append(Chosen(tree=tree, what=what))
            return upload_dataset(
                self._stores,
                self._location,
                chosen,
                writer=uuid.uuid4().hex,
                stopped=self._stopped,
                watch=self._watch,
                base=base,
                pace=self._pace,
            )

    def manifest(self, manifest_id: str) -> Manifest:
        """The files of a version."""
        return fetch_manifest(self._stores, self._location, manifest_id, self._stopped)

    def download(
        self, manifest: Manifest, directory: str | Path, *, path: str = "", regex: str = "", resumes: bool = True
    ) -> Moved:
        """Bring files of a version, at or below a path of it, into a directory, made where it is not there."""
        what = Download(path=path, selection=selection(regex), cache=self._cache, resumes=resumes)
        with _tree(Path(directory), create=True) as tree:
            return download_dataset(
                self._stores,
                self._location,
                manifest,
                tree,
                what,
                writer=uuid.uuid4().hex,
                stopped=self._stopped,
                watch=self._watch,
            )

    def check(self, manifest: Manifest, *, reads: bool = True) -> Checked:
        """Compare what is stored with a manifest."""
        return check_dataset(self._stores, self._location, manifest, self._stopped, reads=reads, watch=self._watch)

    def copy_to(self, url: str, manifest: Manifest) -> Moved:
        """Have a version at another location too."""
        goal = parse_location(url.rstrip("/"))
        return copy_dataset(
            self._stores,
            self._location,
            goal,
            manifest,
            writer=uuid.uuid4().hex,
            stopped=self._stopped,
            watch=self._watch,
        )

    def purge(self, manifests: Collection[str], *, force: bool = False) -> Moved:
        """Remove versions with the contents that no other one at the location has."""
        return purge_manifests(
            self._stores,
            self._location,
            manifests,
            name=uuid.uuid4().hex,
            stopped=self._stopped,
            force=force,
            watch=self._watch,
            pace=self._pace,
        )


def _tree(path: Path, *, create: bool = False) -> Tree:
    try:
        return Tree.open(path, create=create)
    except OSError as error:
        raise StoreError(f"{path} cannot be opened: {error.strerror}") from error
