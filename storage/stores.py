"""The port to object stores, and which store serves which URL.

A store is added by a class with these methods and an entry in `Stores`; transfers know only the port.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from storage.faults import UnsupportedLocation
from storage.keys import Parts
from storage.lanes import StopSign
from storage.urls import Location, parse_location


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """One object of a location. Shape: `parts` is its path below the location. Units: size in bytes."""

    parts: Parts
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something in a location that is no object, and why it is left out."""

    text: str


class Source(Protocol):
    """A location opened for reading; one thread, except for `fetch`."""

    @property
    def lanes(self) -> int:
        """How many objects may be fetched at a time, each by a thread of its own."""

    @property
    def single(self) -> bool:
        """Whether the location is one object; `objects` then yields it under its base name."""

    def objects(self) -> Iterator[StoredObject | Note]:
        """Everything below the location; nothing where nothing is there. Errors: StoreError, OSError."""

    def fetch(self, found: StoredObject, target: int, stopped: StopSign) -> int:
        """Write an object's contents to a descriptor and return the bytes. Errors: also TransferStopped."""


class Target(Protocol):
    """A location opened for writing; one thread, except for `put`."""

    @property
    def lanes(self) -> int:
        """How many objects may be put at a time, each by a thread of its own."""

    def put(self, parts: Parts, source: int, stopped: StopSign) -> int:
        """Make or replace one object by what a descriptor holds and return the bytes. Errors: as `Source.fetch`."""


class ObjectStore(Protocol):
    """What serves the URLs of one scheme. Any thread."""

    def source(self, location: Location) -> AbstractContextManager[Source]:
        """Open a location for reading; one that holds nothing is no error."""

    def target(self, location: Location, writer: str) -> AbstractContextManager[Target]:
        """Open a location for writing. `writer` tells writers of one object apart, and one that comes again."""


class Stores:
    """The stores that are set up, by scheme."""

    def __init__(self, by_scheme: Mapping[str, ObjectStore]) -> None:
        self._by_scheme = dict(by_scheme)

    def serving(self, location: Location) -> ObjectStore:
        """The store for a location. Errors: UnsupportedLocation naming what is missing."""
        store = self._by_scheme.get(location.scheme)
        if store is None:
            known = ", ".join(f"{scheme}://" for scheme in sorted(self._by_scheme)) or "none"
            raise UnsupportedLocation(
                f"No store for {location.scheme}:// is set up on this machine (set up: {known}): {location.url}"
            )
        return store

    def check(self, url: str) -> None:
        """Return if a URL could be served. Errors: UnsupportedLocation."""
        self.serving(parse_location(url))
