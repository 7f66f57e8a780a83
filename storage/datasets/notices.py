"""Notes in a location that keep uploads and removals apart.

An upload relies on contents that it finds; a removal takes contents that no manifest names. Each leaves its note first
and looks for the other's afterwards, so that of two at the same time at least one sees the other.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from storage.datasets import layout
from storage.faults import StoreError, TransferStopped
from storage.keys import UnsafeName
from storage.lanes import StopSign
from storage.stores import StoredObject, Stores
from storage.urls import Location

WAIT_SECONDS = 60.0
_LOOK_SECONDS = 0.5


@contextmanager
def uploading(
    stores: Stores, location: Location, name: str, stopped: StopSign, *, wait_seconds: float = WAIT_SECONDS
) -> Iterator[None]:
    """While the block runs, nothing is removed from a location.

    Errors: StoreError where a removal does not end in time; TransferStopped.
    """
    with _noted(stores, layout.writers(location), name, stopped):
        until = time.monotonic() + wait_seconds
        while found := _notes(stores, layout.purges(location)):
            if time.monotonic() > until:
                raise StoreError(
                    f"Contents are being removed from {location.url} (purges/{found[0]}). Wait until that has ended; "
                    "if nobody does it any more, delete that object"
                )
            time.sleep(_LOOK_SECONDS)
            if stopped.is_set():
                raise TransferStopped
        yield


@contextmanager
def purging(stores: Stores, location: Location, name: str, stopped: StopSign, *, force: bool) -> Iterator[None]:
    """While the block runs, no upload to a location begins. Errors: StoreError where one goes on, unless `force`."""
    with _noted(stores, layout.purges(location), name, stopped):
        found = _notes(stores, layout.writers(location))
        if found and not force:
            raise StoreError(
                f"An upload to {location.url} goes on (writers/{found[0]}). Wait until it has ended; if it was killed, "
                "add --force"
            )
        yield


@contextmanager
def _noted(stores: Stores, below: Location, name: str, stopped: StopSign) -> Iterator[None]:
    try:
        with stores.serving(below).target(below, name) as target, tempfile.TemporaryFile() as empty:
            target.put((name,), empty.fileno(), stopped)
            try:
                yield
            finally:
                # A note that stays only makes removals ask for --force.
                with suppress(StoreError, OSError):
                    target.withdraw((name,))
    except (OSError, UnsafeName) as error:
        raise StoreError(f"{below.url}: {error}") from error


def _notes(stores: Stores, below: Location) -> list[str]:
    with stores.serving(below).source(below) as source:
        return [found.parts[-1] for found in source.level() if isinstance(found, StoredObject)]
