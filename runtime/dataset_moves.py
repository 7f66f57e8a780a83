"""Datasets as inputs and outputs of one attempt. Source: docs/datasets.md."""

from __future__ import annotations

from dataclasses import dataclass

from runtime.move_voice import MoveVoice
from storage.datasets.cache import BlobCache
from storage.datasets.documents import fetch_manifest
from storage.datasets.downloading import Download, download_dataset
from storage.datasets.uploading import Chosen, upload_dataset
from storage.faults import StoreError
from storage.keys import Parts, UnsafeName, safe_parts
from storage.lanes import StopSign
from storage.select import selection
from storage.stores import Stores
from storage.transfer import Moved, Upload
from storage.trees import Tree
from storage.urls import parse_location
from storage.watching import Watch
from translator.lifecycle.facts import DatasetMade


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSource:
    """The version of a dataset that is an input: all at or below `path` of a manifest."""

    manifest: str
    path: str = ""
    cache: BlobCache | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetPlace:
    """Where an output becomes a version of a dataset.

    Shape: `path` is below the output directory; `url` is the location of the dataset; `asks` as for InputPlace.
    """

    index: int
    name: str
    path: str
    url: str
    stores: Stores
    regex: str = ""
    asks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetMoves:
    """Moves files of datasets for one attempt. Shape: `writer` tells attempts apart."""

    writer: str
    stopped: StopSign
    voice: MoveVoice

    def fetch(self, source: DatasetSource, url: str, stores: Stores, regex: str, tree: Tree, into: Parts) -> Moved:
        """Bring an input into a directory of a tree. Errors: StoreError; TransferStopped."""
        location = parse_location(url)
        manifest = fetch_manifest(stores, location, source.manifest, self.stopped)
        what = Download(path=source.path, selection=selection(regex), into=into, cache=source.cache)
        return download_dataset(stores, location, manifest, tree, what, writer=self._name, stopped=self.stopped)

    def store(self, place: DatasetPlace, tree: Tree, output: Parts, known_as: str, watch: Watch) -> DatasetMade | None:
        """Have files of an output directory as those of a dataset; None where there are none.

        Shape: the directory is `output` of the tree, which the task knows by the path `known_as`.
        Errors: StoreError; TransferStopped.
        """
        start = _below(place.path, output, known_as)
        try:
            chosen = Chosen(tree=tree, what=Upload(start=start, selection=selection(place.regex)))
            if not _has_files(chosen):
                self.voice.dataset_empty(place.name, place.path)
                return None
        except (FileNotFoundError, NotADirectoryError):
            self.voice.dataset_empty(place.name, place.path)
            return None
        location = parse_location(place.url)
        done = upload_dataset(place.stores, location, [chosen], writer=self._name, stopped=self.stopped, watch=watch)
        manifest = done.manifest
        if not manifest.files:
            self.voice.dataset_empty(place.name, place.path)
            return None
        self.voice.dataset_stored(place.name, location.url, done.moved)
        return DatasetMade(output=place.index, manifest=manifest.id, files=len(manifest.files), size=manifest.size)

    @property
    def _name(self) -> str:
        """The writer as the name of an object."""
        return self.writer.replace("/", "-")


def _below(path: str, output: Parts, known_as: str) -> Parts:
    """The parts of a path below the output directory, which may be written as the task sees it. Errors: StoreError."""
    inner = path.removeprefix(known_as).strip("/")
    if inner in ("", "."):
        return output
    try:
        return (*output, *safe_parts(inner))
    except UnsafeName as error:
        raise StoreError(f"{path} is no path below the output folder") from error


def _has_files(chosen: Chosen) -> bool:
    """Whether there is anything to store, before a place is opened. Errors: OSError."""
    return next(iter(chosen.tree.files(chosen.what.start)), None) is not None
