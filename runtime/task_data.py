"""Moves the inputs and outputs of one attempt between its directory and the stores.

The local engine and the sidecar of a pod do it with this; where data lies is theirs to say.
Source: workflow-spec.md §6.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from runtime.move_voice import MoveVoice
from storage.faults import StoreError, StoreRefused
from storage.keys import Parts, UnsafeName, safe_parts
from storage.lanes import StopSign
from storage.probe import Access, probe
from storage.select import selection
from storage.stores import Stores
from storage.transfer import Transfer, Upload
from storage.trees import Tree
from storage.urls import Location, parse_location
from translator.lifecycle.words import ExitCode
from translator.plan.model import Kpi

DATA_DIRECTORY = "/osmo/data"
_OUTPUT = f"{DATA_DIRECTORY}/output"


@dataclass(frozen=True, slots=True)
class DataFault:
    """Why data could not be moved, in the words of a task's end."""

    exit_code: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InputPlace:
    """Where an input comes from.

    Shape: `origin` says it to the user; `url` "" where no store is set up for it; `asks` says whether to find out
    whether it is open before anything is moved.
    """

    index: int
    url: str
    origin: str
    stores: Stores
    regex: str = ""
    asks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputPlace:
    """Where outputs go. Shape: `asks` as for InputPlace."""

    url: str
    stores: Stores
    regex: str = ""
    asks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPlaces:
    """All that is moved for a task.

    Shape: `outputs` in the order of uploading; `kept` is the task's place among intermediate data, where KPIs go, None
    where there is no such store; `also_written` are URLs that will be written otherwise, with the stores for them.
    """

    inputs: tuple[InputPlace, ...] = ()
    outputs: tuple[OutputPlace, ...] = ()
    kpis: tuple[Kpi, ...] = ()
    kept: OutputPlace | None = None
    also_written: tuple[OutputPlace, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DataMover:
    """Moves the data of one attempt; any thread, one call at a time.

    Shape: `directory` is what the task knows as `/osmo/data`; `writer` tells attempts apart; `mark` is told how far an
    upload is, for tests that interrupt it.
    """

    places: DataPlaces
    directory: Path
    writer: str
    stopped: StopSign
    voice: MoveVoice
    mark: Callable[[str], None] = field(default=lambda _name: None)

    @property
    def asks(self) -> bool:
        """Whether `check_access` has anything to ask."""
        return any(place.asks for place in self.places.inputs) or any(place.asks for place in self.places.outputs)

    def check_access(self) -> DataFault | None:
        """Whether inputs may be read and outputs written, before time is spent on the command.

        Source: workflow-spec.md §6.3 step 2. Errors: TransferStopped.
        """
        wanted = [(place.url, place.stores, Access.READ) for place in self.places.inputs if place.asks]
        wanted += [(place.url, place.stores, Access.WRITE) for place in self.places.outputs if place.asks]
        for url, stores, access in wanted:
            try:
                probe(stores, parse_location(url), access, self.stopped)
            except (StoreError, OSError) as error:
                self.voice.access_failed(access, url, error)
                denied = isinstance(error, StoreRefused)
                code = ExitCode.ACCESS_DENIED if denied else ExitCode.ACCESS_UNCHECKED
                text = "Data access was denied" if denied else "Data access could not be checked"
                return DataFault(code, f"{text}: {access} of {url}: {error}")
        return None

    def fetch_inputs(self) -> DataFault | None:
        """Download all inputs, one after the other. Errors: TransferStopped."""
        for entry in self.places.inputs:
            try:
                self._fetch(entry)
            except (StoreError, OSError) as error:
                self.voice.download_failed(entry.index, error)
                return DataFault(ExitCode.DOWNLOAD_FAILED, f"Input download failed: input {entry.index}: {error}")
        return None

    def check_outputs(self) -> DataFault | None:
        """Whether there are stores for all outputs, before time is spent on the command."""
        for place in (*self.places.outputs, *self.places.also_written):
            try:
                place.stores.check(place.url)
            except StoreError as error:
                return DataFault(ExitCode.UPLOAD_FAILED, f"Output upload would fail: {error}")
        return None

    def nothing_to_save(self) -> bool:
        """Whether the output directory is empty; cheap."""
        try:
            with os.scandir(self.directory / "output") as entries:
                return next(entries, None) is None
        except OSError:
            return False

    def save_outputs(self) -> DataFault | None:
        """Upload the output directory to all its places. Errors: TransferStopped."""
        if self.nothing_to_save():
            self.voice.nothing_to_upload()
            return None
        try:
            with Tree.open(self.directory, known_as=(DATA_DIRECTORY,)) as tree:
                for upload, location, stores in self._destinations(tree):
                    self.mark("upload.begins")
                    moved = Transfer(stores, self.stopped).upload(tree, upload, location, self.writer)
                    self.voice.uploaded(location.url, moved)
                    self.mark("upload.one-done")
        except (StoreError, OSError) as error:
            self.voice.upload_failed(error)
            return DataFault(ExitCode.UPLOAD_FAILED, f"Output upload failed: {error}")
        self.mark("upload.done")
        return None

    def _fetch(self, entry: InputPlace) -> None:
        if not entry.url:
            raise StoreError("no store for intermediate data is configured (`workflow_data.credential`)")
        with Tree.open(self.directory) as tree:
            into = ("input", str(entry.index))
            os.close(tree.make_directory(into, mode=0o777))
            transfer = Transfer(entry.stores, self.stopped)
            moved = transfer.download(parse_location(entry.url), tree, into, selection(entry.regex))
        self.voice.downloaded(entry.index, entry.origin, moved)

    def _destinations(self, tree: Tree) -> Iterator[tuple[Upload, Location, Stores]]:
        for output in self.places.outputs:
            chosen = Upload(start=("output",), selection=selection(output.regex))
            yield chosen, parse_location(output.url), output.stores
        for kpi in self.places.kpis:
            parts = _kpi_parts(kpi.path)
            if parts is None or not is_there(tree, ("output", *parts)):
                self.voice.kpi_missing(kpi.index, kpi.path)
                continue
            start = ("output", *parts)
            prefix = parts if is_directory(tree, start) else parts[:-1]
            if self.places.kept is not None:
                yield Upload(start=start, prefix=prefix), parse_location(self.places.kept.url), self.places.kept.stores


def is_there(tree: Tree, parts: Parts) -> bool:
    """Whether a path of a tree leads to a directory or file inside."""
    try:
        os.close(tree.reach(parts))
    except (OSError, StoreError):
        return False
    return True


def is_directory(tree: Tree, parts: Parts) -> bool:
    """Whether a path of a tree leads to a directory. Errors: as `Tree.reach`."""
    descriptor = tree.reach(parts)
    try:
        return stat.S_ISDIR(os.fstat(descriptor).st_mode)
    finally:
        os.close(descriptor)


def _kpi_parts(path: str) -> Parts | None:
    try:
        return safe_parts(path.removeprefix(_OUTPUT).lstrip("/"))
    except UnsafeName:
        return None
