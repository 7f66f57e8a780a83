"""The port to object stores, and which store serves which URL.

A store is added by a class with these methods and an entry in `Stores`; transfers know only the port.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from storage.connections import Connections
from storage.faults import UnsupportedLocation
from storage.keys import Parts
from storage.lanes import Lanes, StopSign
from storage.sums import Count, FileSum, uncounted
from storage.urls import Location, parse_location


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """One object of a location.

    Shape: `parts` is its path below the location; `version` another text for other contents, "" where there is none.
    Units: size in bytes.
    """

    parts: Parts
    size: int
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """What objects of a location have in common: the part of their path up to a slash."""

    parts: Parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something in a location that is no object, and why it is left out."""

    text: str


Entry: TypeAlias = StoredObject | Folder | Note


class Source(Protocol):
    """A location opened for reading; one thread, except for `fetch`."""

    @property
    def lanes(self) -> int:
        """How many objects may be fetched at a time, each by a thread of its own."""

    @property
    def connections(self) -> Connections | None:
        """What says whether still more pay; None where they never do."""

    @property
    def single(self) -> bool:
        """Whether the location is one object; `objects` then yields it under its base name."""

    def objects(self) -> Iterator[StoredObject | Note]:
        """Everything below the location; nothing where nothing is there. Errors: StoreError, OSError."""

    def level(self) -> Iterator[Entry]:
        """What is in the location itself: objects and folders. Errors: as `objects`."""

    def fetch(self, found: StoredObject, target: int, stopped: StopSign, count: Count = uncounted) -> FileSum:
        """Write an object's contents to a descriptor and return its sum, the SHA-256 "" where it was not taken.

        The descriptor may hold the beginning of this version. Errors: as `objects`; also TransferStopped.
        """

    def part(self, found: StoredObject, start: int, size: int) -> bytes:
        """So many bytes of an object from one on, fewer only where it ends.

        Errors: as `objects`; NoSuchObject.
        """

    def noted_sum(self, found: StoredObject) -> str:
        """The SHA-256 of an object as its store knows it, "" where it does not. Errors: as `objects`."""

    def remove(self, found: Sequence[StoredObject]) -> None:
        """Remove objects; those that are gone already are no error. Errors: as `objects`."""


class Target(Protocol):
    """A location opened for writing; one thread, except for `put`."""

    @property
    def lanes(self) -> int:
        """How many objects may be put at a time, each by a thread of its own."""

    @property
    def connections(self) -> Connections | None:
        """As of a `Source`."""

    def put(self, parts: Parts, source: int, stopped: StopSign, count: Count = uncounted) -> FileSum:
        """Make or replace one object by what a descriptor holds. Shape and errors: as `Source.fetch`."""

    def holds(self, parts: Parts, content: FileSum) -> bool:
        """Whether an object is there with these contents. Errors: as `Source.objects`."""

    def withdraw(self, parts: Parts) -> None:
        """Remove an object; one that is not there is no error. Errors: as `Source.objects`."""


def several(place: Source | Target, most: int, stopped: StopSign) -> Lanes:
    """Lanes for the objects of a place: `most` of them where it is not 0, else as many as pay."""
    if most:
        return Lanes(min(place.lanes, most), stopped)
    return Lanes(place.lanes, stopped, place.connections)


class ObjectStore(Protocol):
    """What serves the URLs of one scheme. Any thread."""

    def check(self, location: Location) -> None:
        """Return if the location is a possible one, and there is a credential for it. Errors: StoreError."""

    def source(self, location: Location) -> AbstractContextManager[Source]:
        """Open a location for reading; one that holds nothing is no error."""

    def target(self, location: Location, writer: str, *, resumes: bool = False) -> AbstractContextManager[Target]:
        """Open a location for writing.

        `writer` tells writers of one object apart, and one that comes again; who `resumes` finds what came of a large
        object before it was cut off.
        """


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
        """Return if a URL could be served, as far as can be said without asking. Errors: StoreError."""
        location = parse_location(url)
        self.serving(location).check(location)
