"""What is downloaded for an attempt and uploaded from it. Runs on transfer threads. Source: workflow-spec.md §6."""

from __future__ import annotations

import fnmatch
import itertools
import os
import re
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from engine.crashpoints import crash_point
from storage.faults import StoreError, TransferStopped
from storage.keys import Parts, UnsafeName, path_parts, safe_parts
from storage.select import selection
from storage.stores import Stores
from storage.transfer import Moved, Transfer, Upload
from storage.trees import Tree
from storage.urls import Location, parse_location
from translator.lifecycle.words import ExitCode
from translator.plan.model import CheckpointPlan, TaskInput, TaskPlan, UrlInput, WorkflowId

_OUTPUT = "/osmo/data/output"
_GLOB = re.compile(r"[*?\[]")
NO_FILES = "No Files in Output Folder"


@dataclass(frozen=True, slots=True)
class DataFault:
    """Why data could not be moved, in the words of a task's end."""

    exit_code: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where data goes to and comes from. Shape: `data` is the location of all tasks' outputs, served by `service`."""

    user: Stores
    service: Stores
    data: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Mover:
    """Moves the data of one attempt.

    Shape: `osmo` is what the task knows as `/osmo`; `writer` tells attempts apart; `say` takes log lines, from any
    thread.
    """

    places: Places
    workflow: WorkflowId
    task: TaskPlan
    osmo: Path
    writer: str
    stopped: threading.Event
    say: Callable[[str], None]

    def fetch_inputs(self) -> DataFault | None:
        """Download all inputs, one after the other. Errors: TransferStopped."""
        for entry in self.task.inputs:
            try:
                self._fetch(entry)
            except StoreError as error:
                self.say(f"Download of input {entry.index} failed: {error}")
                return DataFault(ExitCode.DOWNLOAD_FAILED, f"Input download failed: input {entry.index}: {error}")
        return None

    def check_outputs(self) -> DataFault | None:
        """Whether the outputs could be uploaded at all, before time is spent on the command."""
        for url in (*(output.url for output in self.task.outputs), *(entry.url for entry in self.task.checkpoints)):
            try:
                self.places.user.check(url)
            except StoreError as error:
                return DataFault(ExitCode.UPLOAD_FAILED, f"Output upload would fail: {error}")
        return None

    def nothing_to_save(self) -> bool:
        """Whether the output directory is empty; cheap, for the engine's own thread."""
        try:
            with os.scandir(self.osmo / "data/output") as entries:
                return next(entries, None) is None
        except OSError:
            return False

    def save_outputs(self) -> DataFault | None:
        """Upload the output directory to all its destinations. Errors: TransferStopped."""
        if self.nothing_to_save():
            self.say(NO_FILES)
            return None
        try:
            with Tree.open(self.osmo / "data", known_as=("/osmo/data",)) as tree:
                for upload, location, stores in self._destinations(tree):
                    crash_point("upload.begins")
                    moved = self._transfer(stores).upload(tree, upload, location, self.writer)
                    self._tell(f"Uploaded to {location.url}", moved)
                    crash_point("upload.one-done")
        except (StoreError, OSError) as error:
            self.say(f"Upload failed: {error}")
            return DataFault(ExitCode.UPLOAD_FAILED, f"Output upload failed: {error}")
        crash_point("upload.done")
        return None

    def save_checkpoint(
        self, checkpoint: CheckpointPlan, view: Callable[[str], AbstractContextManager[tuple[Tree, str]]]
    ) -> DataFault | None:
        """Upload what a checkpoint names now; nothing where nothing is there. Errors: TransferStopped."""
        try:
            location, chosen = parse_location(checkpoint.url), selection(checkpoint.regex)
            with view(checkpoint.path) as (tree, path):
                for inside, found in _checkpointed(tree, path):
                    upload = Upload(
                        start=found.start, selection=chosen, prefix=found.prefix, shown_below=found.shown_below
                    )
                    moved = self._transfer(self.places.user).upload(inside, upload, location, self.writer)
                    self._tell(f"Checkpoint {found.name} uploaded to {location.url}", moved)
        except FileNotFoundError:
            return None
        except (StoreError, OSError) as error:
            self.say(f"Upload of checkpoint {checkpoint.path} failed: {error}")
            return DataFault(ExitCode.UPLOAD_FAILED, f"Checkpoint upload failed: {checkpoint.path}: {error}")
        return None

    def _fetch(self, entry: TaskInput | UrlInput) -> None:
        if isinstance(entry, TaskInput):
            stores, location = self.places.service, self.places.data.below(entry.workflow_id, entry.task)
            origin = f"task {entry.task} of {entry.workflow_id}"
        else:
            stores, location = self.places.user, parse_location(entry.url)
            origin = location.url
        with Tree.open(self.osmo / "data") as tree:
            into = ("input", str(entry.index))
            moved = self._transfer(stores).download(location, tree, into, selection(entry.regex))
        self._tell(f"Downloaded input {entry.index} from {origin}", moved)
        if not moved.files:
            self.say(f"Warning: input {entry.index} from {origin} is empty")

    def _destinations(self, tree: Tree) -> Iterator[tuple[Upload, Location, Stores]]:
        kept = self.places.data.below(self.workflow, self.task.name)
        if self.task.keeps_intermediate:
            yield Upload(start=("output",)), kept, self.places.service
        for output in self.task.outputs:
            chosen = Upload(start=("output",), selection=selection(output.regex))
            yield chosen, parse_location(output.url), self.places.user
        for kpi in self.task.kpis:
            parts = self._kpi_parts(kpi.path)
            if parts is None or not _is_there(tree, ("output", *parts)):
                self.say(f"Warning: KPI {kpi.index}: there is no {kpi.path} in the output folder")
                continue
            start = ("output", *parts)
            yield (
                Upload(start=start, prefix=parts if _is_directory(tree, start) else parts[:-1]),
                kept,
                self.places.service,
            )

    def _kpi_parts(self, path: str) -> Parts | None:
        try:
            return safe_parts(path.removeprefix(_OUTPUT).lstrip("/"))
        except UnsafeName:
            return None

    def _transfer(self, stores: Stores) -> Transfer:
        return Transfer(stores, self.stopped)

    def _tell(self, what: str, moved: Moved) -> None:
        self.say(f"{what}: {moved.files} file{'' if moved.files == 1 else 's'}, {moved.bytes} bytes")
        for note in moved.notes:
            self.say(f"Warning: {note}")


@dataclass(frozen=True, slots=True)
class _Found:
    """One thing that a checkpoint's path leads to; `shown_below` stands before the paths that its regex sees."""

    name: str
    start: Parts
    prefix: Parts = ()
    shown_below: Parts = ()


def _checkpointed(tree: Tree, path: str) -> Iterator[tuple[Tree, _Found]]:
    """What a path, with `*`, `?` and `[…]` in any part, leads to, each with the tree whose inside it may link to.

    A directory goes by its base name; matches of a glob go by theirs, and a regex sees them with it.
    Source: workflow-spec.md §6.6. Errors: FileNotFoundError where nothing is there.
    """
    parts = tuple(path_parts(os.path.normpath(path)))
    fixed = tuple(itertools.takewhile(lambda part: not _GLOB.search(part), parts))
    if fixed != parts:
        with _subtree(tree, fixed) as inside:
            for start in _matches(inside, (), parts[len(fixed) :]):
                name = start[-1:] if _is_directory(inside, start) else ()
                yield inside, _Found(start[-1], start, prefix=name, shown_below=name)
    elif _is_directory(tree, parts):
        with _subtree(tree, parts) as inside:
            yield inside, _Found(path, (), prefix=parts[-1:])
    else:
        with _subtree(tree, parts[:-1]) as inside:
            yield inside, _Found(path, parts[-1:])


def _subtree(tree: Tree, parts: Parts) -> Tree:
    return Tree(tree.reach(parts), known_as=("/" + "/".join(parts),))


def _matches(tree: Tree, above: Parts, parts: Parts) -> Iterator[Parts]:
    if not parts:
        if _is_there(tree, above):
            yield above
        return
    part, *rest = parts
    if not _GLOB.search(part):
        yield from _matches(tree, (*above, part), tuple(rest))
        return
    try:
        directory = tree.reach(above)
    except OSError:
        return
    try:
        names = sorted(os.listdir(directory))
    except NotADirectoryError:
        names = []
    finally:
        os.close(directory)
    for name in names:
        # As a shell does it: hidden files are meant only where the pattern says so.
        if fnmatch.fnmatchcase(name, part) and (part.startswith(".") or not name.startswith(".")):
            yield from _matches(tree, (*above, name), tuple(rest))


def _is_there(tree: Tree, parts: Parts) -> bool:
    try:
        os.close(tree.reach(parts))
    except (OSError, StoreError):
        return False
    return True


def _is_directory(tree: Tree, parts: Parts) -> bool:
    descriptor = tree.reach(parts)
    try:
        return stat.S_ISDIR(os.fstat(descriptor).st_mode)
    finally:
        os.close(descriptor)


__all__ = ["NO_FILES", "DataFault", "Mover", "Places", "TransferStopped"]
