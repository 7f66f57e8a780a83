"""Notes in a location that keep uploads and removals apart.

An upload relies on contents that it finds; a removal takes contents that no manifest names. Each leaves its note first
and looks for the other's afterwards, so that of two at the same time at least one sees the other. A note is written
anew all the time: one that stays as it is was left by something that was killed, and is taken away by who waited for
it. Who finds his own note gone was taken for dead, and may not go on as if nothing had happened.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from storage.datasets import layout
from storage.faults import StoreError, TransferStopped
from storage.keys import UnsafeName
from storage.lanes import StopSign
from storage.memory_files import memory_file
from storage.stores import StoredObject, Stores, Target
from storage.urls import Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often a note is written anew, when it counts as left, how long a removal is waited for. Units: seconds."""

    beat_seconds: float = 10.0
    dead_seconds: float = 45.0
    wait_seconds: float = 900.0
    look_seconds: float = 0.5


PACE = Pace()


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note of one's own."""

    stores: Stores
    below: Location
    name: str

    @property
    def is_there(self) -> bool:
        """Whether nobody took it away. Errors: StoreError."""
        return self.name in _notes(self.stores, self.below)


@contextmanager
def uploading(stores: Stores, location: Location, name: str, stopped: StopSign, *, pace: Pace = PACE) -> Iterator[Note]:
    """While the note is there, nothing is removed from a location.

    Errors: StoreError where a removal does not end in time; TransferStopped.
    """
    with _noted(stores, layout.writers(location), name, stopped, pace) as note:
        found = _outlasting(stores, layout.purges(location), stopped, pace, pace.wait_seconds)
        if found is not None:
            raise StoreError(f"Contents are being removed from {location.url} (purges/{found}). Try again later")
        yield note


@contextmanager
def purging(
    stores: Stores, location: Location, name: str, stopped: StopSign, *, force: bool, pace: Pace = PACE
) -> Iterator[Note]:
    """While the note is there, no upload to a location begins.

    Errors: StoreError where one goes on, unless `force`; TransferStopped.
    """
    with _noted(stores, layout.purges(location), name, stopped, pace) as note:
        found = None if force else _outlasting(stores, layout.writers(location), stopped, pace, pace.dead_seconds)
        if found is not None:
            raise StoreError(
                f"An upload to {location.url} goes on (writers/{found}). Wait until it has ended, or add --force"
            )
        yield note


@contextmanager
def _noted(stores: Stores, below: Location, name: str, stopped: StopSign, pace: Pace) -> Iterator[Note]:
    over = threading.Event()
    try:
        with stores.serving(below).target(below, name) as target:
            _write(target, name, 0, stopped)
            beat = threading.Thread(target=_beat, args=(target, name, stopped, over, pace), name="dataset-note")
            beat.start()
            try:
                yield Note(stores=stores, below=below, name=name)
            finally:
                over.set()
                beat.join()
                # One that stays is found to be left by who comes next.
                with suppress(StoreError, OSError):
                    target.withdraw((name,))
    except (OSError, UnsafeName) as error:
        raise StoreError(f"{below.url}: {error}") from error


def _beat(target: Target, name: str, stopped: StopSign, over: threading.Event, pace: Pace) -> None:
    number = 0
    while not over.wait(pace.beat_seconds):
        number += 1
        # What cannot be written now may be the next time.
        with suppress(StoreError, OSError, TransferStopped):
            _write(target, name, number, stopped)


def _write(target: Target, name: str, number: int, stopped: StopSign) -> None:
    with memory_file(str(number).encode()) as text:
        target.put((name,), text, stopped)


def _outlasting(stores: Stores, below: Location, stopped: StopSign, pace: Pace, longest_seconds: float) -> str | None:
    """A note that is still written anew after a time, None as soon as there is none; those that are left go."""
    begun: float | None = None
    seen: dict[str, tuple[str, float]] = {}
    while found := _notes(stores, below):
        now = time.monotonic()
        # From the first sight on: a store that answers late must not take time away from finding out who is left.
        begun = now if begun is None else begun
        for name, version in found.items():
            if seen.get(name, ("", 0.0))[0] != version:
                seen[name] = (version, now)
        left = [name for name in found if now - seen[name][1] >= pace.dead_seconds]
        if left:
            with stores.serving(below).source(below) as source:
                source.remove([StoredObject(parts=(name,), size=0) for name in left])
            continue
        if now - begun > longest_seconds:
            return next(iter(found))
        time.sleep(pace.look_seconds)
        if stopped.is_set():
            raise TransferStopped
    return None


def _notes(stores: Stores, below: Location) -> dict[str, str]:
    """The notes that are there, with what changes when they are written anew."""
    with stores.serving(below).source(below) as source:
        return {found.parts[-1]: found.version for found in source.level() if isinstance(found, StoredObject)}
