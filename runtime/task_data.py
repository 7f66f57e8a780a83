"""Moves the inputs and outputs of one attempt between its directory and the stores.

The local engine and the sidecar of a pod do it with this; where data lies is theirs to say.
Source: workflow-spec.md §6.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from runtime.dataset_moves import DatasetMoves, DatasetPlace, DatasetSource
from runtime.move_voice import MoveVoice
from runtime.passport import Bearer, PassportPlace, UploadNotes, passports_beside, put_passport
from storage.faults import StoreError, StoreRefused
from storage.keys import Parts, UnsafeName, safe_parts
from storage.lanes import StopSign
from storage.probe import Access, probe
from storage.select import selection
from storage.stores import Stores
from storage.transfer import Transfer, Upload
from storage.trees import Tree
from storage.urls import Location, parse_location
from storage.watching import UNWATCHED
from translator.lifecycle.facts import DatasetMade
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
    whether it is open before anything is moved; with `dataset` the URL is the location of datasets.
    """

    index: int
    url: str
    origin: str
    stores: Stores
    regex: str = ""
    asks: bool = False
    dataset: DatasetSource | None = None


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
    where there is no such store; `also_written` are URLs that will be written otherwise, with the stores for them;
    `bearer` says who gets a passport beside `kept`, None for nobody.
    """

    inputs: tuple[InputPlace, ...] = ()
    outputs: tuple[OutputPlace, ...] = ()
    datasets: tuple[DatasetPlace, ...] = ()
    kpis: tuple[Kpi, ...] = ()
    kept: OutputPlace | None = None
    also_written: tuple[OutputPlace, ...] = ()
    bearer: Callable[[], Bearer] | None = None

    @property
    def written(self) -> tuple[OutputPlace | DatasetPlace, ...]:
        """All places that outputs go to."""
        return (*self.outputs, *self.datasets)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataMover:
    """Moves the data of one attempt; any thread, one call at a time.

    Shape: `directory` is what the task knows as `/osmo/data`; `writer` tells attempts apart; `mark` is told how far an
    upload is, for tests that interrupt it; `made` of each dataset that was stored.
    """

    places: DataPlaces
    directory: Path
    writer: str
    stopped: StopSign
    voice: MoveVoice
    mark: Callable[[str], None] = field(default=lambda _name: None)
    made: Callable[[DatasetMade], None] = field(default=lambda _made: None)

    @property
    def asks(self) -> bool:
        """Whether `check_access` has anything to ask."""
        places: tuple[InputPlace | OutputPlace | DatasetPlace, ...] = (*self.places.inputs, *self.places.written)
        return any(place.asks for place in places)

    def check_access(self) -> DataFault | None:
        """Whether inputs may be read and outputs written, before time is spent on the command.

        Source: workflow-spec.md §6.3 step 2. Errors: TransferStopped.
        """
        wanted = [(place.url, place.stores, Access.READ) for place in self.places.inputs if place.asks]
        wanted += [(place.url, place.stores, Access.WRITE) for place in self.places.written if place.asks]
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
        for place in (*self.places.written, *self.places.also_written):
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
        noted: list[PassportPlace] = []
        fault = self._upload_all(noted)
        if noted:
            self._leave_passport(tuple(noted), complete=fault is None)
        if fault is None:
            self.mark("upload.done")
        return fault

    def _upload_all(self, noted: list[PassportPlace]) -> DataFault | None:
        try:
            with Tree.open(self.directory, known_as=(DATA_DIRECTORY,)) as tree:
                for upload in self._uploads(tree, noted):
                    self.mark("upload.begins")
                    upload()
                    self.mark("upload.one-done")
        except (StoreError, OSError) as error:
            self.voice.upload_failed(error)
            return DataFault(ExitCode.UPLOAD_FAILED, f"Output upload failed: {error}")
        return None

    def _uploads(self, tree: Tree, noted: list[PassportPlace]) -> Iterator[Callable[[], None]]:
        for kind, what, location, stores in self._destinations(tree):
            yield partial(self._upload, tree, what, location, stores, kind, noted)
        for place in self.places.datasets:
            yield partial(self._store_dataset, place, tree, noted)

    def _upload(
        self,
        tree: Tree,
        what: Upload,
        location: Location,
        stores: Stores,
        kind: str,
        noted: list[PassportPlace],
    ) -> None:
        notes = UploadNotes(prefix=what.prefix) if self._has_passport else None
        moved = Transfer(stores, self.stopped, watch=notes or UNWATCHED).upload(tree, what, location, self.writer)
        self.voice.uploaded(location.url, moved)
        if notes is not None and moved.files:
            noted.append(notes.place(location.url, kind))

    def _store_dataset(self, place: DatasetPlace, tree: Tree, noted: list[PassportPlace]) -> None:
        notes = UploadNotes() if self._has_passport else None
        made = self._datasets.store(place, tree, ("output",), _OUTPUT, notes or UNWATCHED)
        if made is not None:
            self.made(made)
            if notes is not None:
                noted.append(notes.place(place.url, "dataset"))

    @property
    def _datasets(self) -> DatasetMoves:
        return DatasetMoves(writer=self.writer, stopped=self.stopped, voice=self.voice)

    @property
    def _has_passport(self) -> bool:
        return self.places.bearer is not None and self.places.kept is not None

    def _leave_passport(self, noted: tuple[PassportPlace, ...], *, complete: bool) -> None:
        """Keep what was uploaded on record; that it cannot be kept is no fault of the task's."""
        bearer, kept = self.places.bearer, self.places.kept
        if bearer is None or kept is None:
            return
        try:
            below = parse_location(passports_beside(kept.url))
            put_passport(kept.stores, below, bearer().passport(noted, complete=complete), self.writer, self.stopped)
        except (StoreError, OSError, ValueError) as error:
            self.voice.passport_failed(error)

    def _fetch(self, entry: InputPlace) -> None:
        if not entry.url:
            raise StoreError("no store for intermediate data is configured (`workflow_data.credential`)")
        with Tree.open(self.directory) as tree:
            into = ("input", str(entry.index))
            os.close(tree.make_directory(into, mode=0o777))
            if entry.dataset is not None:
                moved = self._datasets.fetch(entry.dataset, entry.url, entry.stores, entry.regex, tree, into)
            else:
                transfer = Transfer(entry.stores, self.stopped)
                moved = transfer.download(parse_location(entry.url), tree, into, selection(entry.regex))
        self.voice.downloaded(entry.index, entry.origin, moved)

    def _destinations(self, tree: Tree) -> Iterator[tuple[str, Upload, Location, Stores]]:
        for output in self.places.outputs:
            chosen = Upload(start=("output",), selection=selection(output.regex))
            yield _kind(output, self.places.kept), chosen, parse_location(output.url), output.stores
        for kpi in self.places.kpis:
            parts = _kpi_parts(kpi.path)
            if parts is None or not is_there(tree, ("output", *parts)):
                self.voice.kpi_missing(kpi.index, kpi.path)
                continue
            start = ("output", *parts)
            prefix = parts if is_directory(tree, start) else parts[:-1]
            if self.places.kept is not None:
                kept = self.places.kept
                yield "kpi", Upload(start=start, prefix=prefix), parse_location(kept.url), kept.stores


def _kind(output: OutputPlace, kept: OutputPlace | None) -> str:
    is_kept = kept is not None and output.stores is kept.stores and output.url == kept.url
    return "intermediate" if is_kept else "output"


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
