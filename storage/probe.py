"""Whether a location may be read, written or emptied, found out by trying, without leaving anything behind."""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from enum import StrEnum
from typing import assert_never

from storage.faults import StoreError
from storage.keys import Parts
from storage.lanes import NEVER, StopSign
from storage.memory_files import memory_file
from storage.reserved import PROBE_PREFIX
from storage.stores import StoredObject, Stores
from storage.urls import Location


class Access(StrEnum):
    """What somebody wants to do at a location."""

    READ = "READ"
    WRITE = "WRITE"
    DELETE = "DELETE"


def probe(stores: Stores, location: Location, access: Access, stopped: StopSign = NEVER) -> None:
    """Return if a location is open for `access`.

    READ lists it and reads the object, where it is one or has one; a location that holds nothing may be read. WRITE
    puts an object of a random name there and removes it; where it may not be removed, it is empty. DELETE removes an
    object that is not there.
    Errors: StoreError with what the store answered; TransferStopped.
    """
    match access:
        case Access.READ:
            _read(stores, location)
        case Access.WRITE:
            _write(stores, location, stopped)
        case Access.DELETE:
            with stores.serving(location).target(location, "probe") as target:
                target.withdraw(_name())
        case _:
            assert_never(access)


def _read(stores: Stores, location: Location) -> None:
    with stores.serving(location).source(location) as source:
        found = next((each for each in source.objects() if isinstance(each, StoredObject)), None)
        if found is not None:
            source.noted_sum(found)


def _write(stores: Stores, location: Location, stopped: StopSign) -> None:
    name = _name()
    with stores.serving(location).target(location, "probe") as target:
        with memory_file() as empty:
            target.put(name, empty, stopped)
        with suppress(StoreError):
            # The right to write is what was asked for; without the right to remove, one empty object stays.
            target.withdraw(name)


def _name() -> Parts:
    return (f"{PROBE_PREFIX}{uuid.uuid4().hex}-{os.getpid()}",)
