"""What is downloaded for an attempt and uploaded from it. Runs on transfer threads. Source: workflow-spec.md §6."""

from __future__ import annotations

import fnmatch
import itertools
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from engine.crashpoints import crash_point
from runtime.dataset_moves import DatasetPlace, DatasetSource
from runtime.move_voice import NO_FILES, MoveVoice
from runtime.passport import Bearer
from runtime.task_data import (
    DataFault,
    DataMover,
    DataPlaces,
    InputPlace,
    OutputPlace,
    is_directory,
    is_there,
)
from storage.datasets.cache import BlobCache
from storage.faults import StoreError, TransferStopped
from storage.keys import Parts, path_parts
from storage.select import selection
from storage.stores import Stores
from storage.transfer import Transfer, Upload
from storage.trees import Tree
from storage.urls import FILE_SCHEME, Location, parse_location
from translator.lifecycle.facts import DatasetMade
from translator.lifecycle.words import ExitCode
from translator.plan.model import (
    AnyInput,
    CheckpointPlan,
    DatasetInput,
    DatasetOutput,
    TaskInput,
    TaskPlan,
    WorkflowId,
)

_GLOB = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where data goes to and comes from.

    Shape: `data` is the location of all tasks' outputs, served by `service`; `datasets` opens where datasets lie with
    the owner's keys, and what is fetched from there is kept in `cache`.
    """

    user: Stores
    service: Stores
    data: Location
    datasets: Stores
    cache: BlobCache | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mover:
    """Moves the data of one attempt.

    Shape: `osmo` is what the task knows as `/osmo`; `writer` tells attempts apart; `say` takes log lines, from any
    thread; `bearer` says who gets a passport for what is uploaded; `made` is told of datasets that are stored, from any
    thread.
    """

    places: Places
    workflow: WorkflowId
    task: TaskPlan
    osmo: Path
    writer: str
    stopped: threading.Event
    say: Callable[[str], None]
    bearer: Callable[[], Bearer] | None = None
    made: Callable[[DatasetMade], None] = field(default=lambda _made: None)

    @property
    def asks(self) -> bool:
        """Whether `check_access` has anything to ask."""
        return self._mover().asks

    def check_access(self) -> DataFault | None:
        """Whether inputs may be read and outputs written. Errors: TransferStopped."""
        return self._mover().check_access()

    def fetch_inputs(self) -> DataFault | None:
        """Download all inputs, one after the other. Errors: TransferStopped."""
        return self._mover().fetch_inputs()

    def finds_nothing(self) -> bool:
        """Whether all inputs are of tasks that kept nothing on this machine; cheap, for the engine's own thread."""
        data = self.places.data
        return data.scheme == FILE_SCHEME and all(
            isinstance(entry, TaskInput) and not os.path.lexists(f"{data.path}/{entry.workflow_id}/{entry.task}")
            for entry in self.task.inputs
        )

    def check_outputs(self) -> DataFault | None:
        """Whether the outputs could be uploaded at all, before time is spent on the command."""
        return self._mover().check_outputs()

    def nothing_to_save(self) -> bool:
        """Whether the output directory is empty; cheap, for the engine's own thread."""
        return self._mover().nothing_to_save()

    def save_outputs(self) -> DataFault | None:
        """Upload the output directory to all its destinations. Errors: TransferStopped."""
        return self._mover().save_outputs()

    def save_checkpoint(
        self, checkpoint: CheckpointPlan, view: Callable[[str], AbstractContextManager[tuple[Tree, str]]]
    ) -> DataFault | None:
        """Upload what a checkpoint names now; nothing where nothing is there. Errors: TransferStopped."""
        voice = MoveVoice(self.say)
        try:
            location, chosen = parse_location(checkpoint.url), selection(checkpoint.regex)
            with view(checkpoint.path) as (tree, path):
                for inside, found in _checkpointed(tree, path):
                    upload = Upload(
                        start=found.start, selection=chosen, prefix=found.prefix, shown_below=found.shown_below
                    )
                    transfer = Transfer(self.places.user, self.stopped)
                    moved = transfer.upload(inside, upload, location, self.writer)
                    voice.checkpoint_uploaded(found.name, location.url, moved)
        except FileNotFoundError:
            return None
        except (StoreError, OSError) as error:
            voice.checkpoint_failed(checkpoint.path, error)
            return DataFault(ExitCode.UPLOAD_FAILED, f"Checkpoint upload failed: {checkpoint.path}: {error}")
        return None

    def _mover(self) -> DataMover:
        return DataMover(
            places=self._data_places(),
            directory=self.osmo / "data",
            writer=self.writer,
            stopped=self.stopped,
            voice=MoveVoice(self.say),
            mark=crash_point,
            made=self.made,
        )

    def _data_places(self) -> DataPlaces:
        user, task = self.places.user, self.task
        kept = OutputPlace(url=self.places.data.below(self.workflow, task.name).url, stores=self.places.service)
        outputs = tuple(
            OutputPlace(url=output.url, regex=output.regex, stores=user, asks=_asks(output.url))
            for output in task.outputs
        )
        return DataPlaces(
            inputs=tuple(self._input(entry) for entry in task.inputs),
            outputs=(kept, *outputs) if task.keeps_intermediate else outputs,
            datasets=tuple(self._dataset(output) for output in task.datasets),
            kpis=task.kpis,
            kept=kept,
            also_written=tuple(OutputPlace(url=entry.url, stores=user) for entry in task.checkpoints),
            bearer=self.bearer,
        )

    def _dataset(self, output: DatasetOutput) -> DatasetPlace:
        return DatasetPlace(
            index=output.index,
            name=output.dataset,
            path=output.path,
            url=output.location,
            stores=self.places.datasets,
            regex=output.regex,
            asks=_asks(output.location),
        )

    def _input(self, entry: AnyInput) -> InputPlace:
        if isinstance(entry, DatasetInput):
            return InputPlace(
                index=entry.index,
                url=entry.location,
                origin=f"dataset {entry.dataset}:{entry.version}",
                regex=entry.regex,
                stores=self.places.datasets,
                asks=_asks(entry.location),
                dataset=DatasetSource(manifest=entry.manifest, path=entry.path, cache=self.places.cache),
            )
        if isinstance(entry, TaskInput):
            url = self.places.data.below(entry.workflow_id, entry.task).url
            origin = f"task {entry.task} of {entry.workflow_id}"
            stores = self.places.service
        else:
            url, origin, stores = entry.url, entry.url, self.places.user
        asks = stores is self.places.user and _asks(url)
        return InputPlace(index=entry.index, url=url, origin=origin, regex=entry.regex, stores=stores, asks=asks)


def _asks(url: str) -> bool:
    """Whether to find out if a place is open: what this machine's directories allow, shows at once."""
    return not url.startswith(f"{FILE_SCHEME}:")


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
                name = start[-1:] if is_directory(inside, start) else ()
                yield inside, _Found(start[-1], start, prefix=name, shown_below=name)
    elif is_directory(tree, parts):
        with _subtree(tree, parts) as inside:
            yield inside, _Found(path, (), prefix=parts[-1:])
    else:
        with _subtree(tree, parts[:-1]) as inside:
            yield inside, _Found(path, parts[-1:])


def _subtree(tree: Tree, parts: Parts) -> Tree:
    return Tree(tree.reach(parts), known_as=("/" + "/".join(parts),))


def _matches(tree: Tree, above: Parts, parts: Parts) -> Iterator[Parts]:
    if not parts:
        if is_there(tree, above):
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


__all__ = ["NO_FILES", "DataFault", "Mover", "Places", "TransferStopped"]
