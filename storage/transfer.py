"""Transfers: a location into a tree, a tree to a location. Source: workflow-spec.md §6.3, §6.4.

The layout is kept; a transfer that is repeated replaces what it wrote before, so it may be taken up after a crash by
doing it again.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from storage.faults import StoreError, TransferStopped
from storage.keys import Parts, UnsafeName
from storage.lanes import Lanes, StopSign
from storage.select import EVERYTHING, Selection
from storage.stores import Note, Source, StoredObject, Stores, Target
from storage.trees import FoundFile, Tree
from storage.urls import Location


@dataclass(slots=True, kw_only=True)
class Moved:
    """What a transfer did. Shape: `notes` are sentences about what was left out. Units: bytes."""

    files: int = 0
    bytes: int = 0
    notes: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, size: int) -> None:
        """Count one file. Any thread."""
        with self._lock:
            self.files += 1
            self.bytes += size


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What is uploaded.

    Shape: everything below `start` that `selection` takes, or `start` itself where it is a file; each file under
    `prefix` and its path below `start`. The selection sees `shown_below` before that path.
    """

    start: Parts
    selection: Selection = EVERYTHING
    prefix: Parts = ()
    shown_below: Parts = ()


class Transfer:
    """Moves data until it is told to stop; one thread, which takes others to help where the store can use them."""

    def __init__(self, stores: Stores, stopped: StopSign) -> None:
        self._stores = stores
        self._stopped = stopped

    def download(self, location: Location, tree: Tree, into: Parts, chosen: Selection) -> Moved:
        """Bring every chosen object of a location into a directory of a tree.

        A location that is one object is not subject to the selection and lands under its base name.
        Errors: StoreError; TransferStopped.
        """
        moved = Moved()
        try:
            with (
                self._stores.serving(location).source(location) as source,
                Lanes(source.lanes, self._stopped) as lanes,
            ):
                for found in source.objects():
                    if isinstance(found, Note):
                        moved.notes.append(found.text)
                    elif source.single or chosen.takes(found.parts):
                        lanes.run(partial(_fetch, source, found, tree, into, moved, lanes))
                    elif lanes.is_set():
                        raise TransferStopped
        except (OSError, UnsafeName) as error:
            raise StoreError(f"{location.url}: {error}") from error
        return moved

    def upload(self, tree: Tree, what: Upload, location: Location, writer: str) -> Moved:
        """Bring the chosen files of a tree to a location; where nothing is chosen nothing is written.

        Errors: StoreError; TransferStopped.
        """
        moved = Moved()
        try:
            files = list(_chosen(tree, what, moved))
            if files:
                with (
                    self._stores.serving(location).target(location, writer) as target,
                    Lanes(target.lanes, self._stopped) as lanes,
                ):
                    for found in files:
                        lanes.run(partial(_put, tree, found, what.prefix, target, moved, lanes))
        except (OSError, UnsafeName) as error:
            raise StoreError(f"{location.url}: {error}") from error
        return moved


def _fetch(source: Source, found: StoredObject, tree: Tree, into: Parts, moved: Moved, stopped: StopSign) -> None:
    with tree.new_file((*into, *found.parts)) as target:
        moved.add(source.fetch(found, target, stopped))


def _put(tree: Tree, found: FoundFile, prefix: Parts, target: Target, moved: Moved, stopped: StopSign) -> None:
    try:
        source = tree.reach(found.at)
    except FileNotFoundError:
        # Programs rotate their files while a checkpoint is taken.
        moved.notes.append(f"{'/'.join(found.parts)} is left out: it was removed meanwhile")
        return
    try:
        moved.add(target.put((*prefix, *found.parts), source, stopped))
    finally:
        os.close(source)


def _chosen(tree: Tree, what: Upload, moved: Moved) -> Iterator[FoundFile]:
    for found in tree.files(what.start):
        if not isinstance(found, FoundFile):
            moved.notes.append(f"{'/'.join(found.parts)} is left out: {found.reason}")
        elif what.selection.takes((*what.shown_below, *found.parts)):
            yield found
