"""Object stores of the network, by obstore: streamed, several objects at a time, with bounded memory.

What passes by itself (503, a broken connection, an object that is listed but not there yet) is tried again with growing
pauses: requests by obstore, what broke off in the middle here, from where it broke off.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import TypeVar

import obstore

from storage.addresses import REMOTE_SCHEMES, Address, address_of
from storage.bucket import Bucket
from storage.clients import Clients
from storage.connections import Connections
from storage.credentials import Keyring
from storage.keys import Parts, UnsafeName, safe_parts
from storage.lanes import NEVER, StopSign
from storage.odd_listing import listed_by_wire
from storage.patience import Patience
from storage.reading import Reading
from storage.remote_faults import REMOTE_ERRORS, broke_off, explained
from storage.stores import Entry, Folder, Note, ObjectStore, Source, StoredObject, Target
from storage.sums import SUM_NAME, Count, FileSum, uncounted
from storage.turns import Turns
from storage.urls import Location
from storage.writing import LARGE_FROM_BYTES, Writing

_LANES = 12
_PAGE = 1000
# All stores of a process share them. Memory goes to the buffers of uploads that are not sent from the system's cache.
_LARGE = Turns(usual=2, most=6)
_LOOKS = 3
_Reply = TypeVar("_Reply")


def remote_stores(keys: Keyring, patience: Patience | None = None) -> dict[str, ObjectStore]:
    """The stores that some keys open, by scheme."""
    return dict.fromkeys(REMOTE_SCHEMES, RemoteStore(keys, patience))


class RemoteStore:
    """Serves `s3://`, `gs://`, `azure://`, `swift://` and `tos://`. Any thread; clients are kept, some a bucket."""

    def __init__(self, keys: Keyring, patience: Patience | None = None) -> None:
        self._keys = keys
        self._patience = patience or Patience()
        self._buckets: dict[tuple[str, str, str, str], Bucket] = {}
        self._lock = threading.Lock()

    def check(self, location: Location) -> None:
        """Return if the location is one of a bucket that there is a credential for. Errors: StoreError."""
        self._bucket(location, address_of(location))

    @contextmanager
    def source(self, location: Location) -> Iterator[Source]:
        """Open an object, or all below a prefix, for reading."""
        address = address_of(location)
        yield _Remote(_Place(self._bucket(location, address), address, location.url), location.path.endswith("/"))

    @contextmanager
    def target(self, location: Location, writer: str, *, resumes: bool = False) -> Iterator[Target]:
        """Open a prefix for writing. An object appears when it is complete, so writers need not be told apart."""
        address = address_of(location)
        place = _Place(self._bucket(location, address), address, location.url)
        yield _Writable(place, resumes)

    def _bucket(self, location: Location, address: Address) -> Bucket:
        name = (location.scheme, address.endpoint, address.account, address.bucket)
        with self._lock:
            if name not in self._buckets:
                self._buckets[name] = Bucket(self._keys, location, address, self._patience)
            bucket = self._buckets[name]
        # A credential that is missing or malformed is told here, before anything is begun.
        _ = bucket.clients
        return bucket


@dataclass(frozen=True, slots=True)
class _Place:
    """A location of a bucket."""

    bucket: Bucket
    address: Address
    url: str

    def key(self, parts: Parts) -> str:
        """The key of something below it."""
        return "/".join((*self.address.key, *parts))

    def error(self, error: Exception, parts: Parts = ()) -> Exception:
        """An error of the store as ours."""
        return explained(error, f"{self.url}: {'/'.join(parts)}" if parts else self.url)

    def content(self, key: str) -> tuple[int, str, str] | None:
        """Size, entity tag and noted SHA-256 of an object; None where there is none. Errors: those of the store."""
        try:
            found = obstore.get(self.bucket.store, key, options={"head": True})
        except FileNotFoundError:
            return None
        return int(found.meta["size"]), found.meta["e_tag"] or "", found.attributes.get(SUM_NAME, "")

    def asked(self, question: Callable[[], _Reply], parts: Parts = ()) -> _Reply:
        """The reply to a question, asked again where that may help. Errors: StoreError."""
        bucket, number = self.bucket, 0
        while True:
            clients = bucket.clients
            try:
                return question()
            except REMOTE_ERRORS as error:
                if bucket.renewed(clients, error):
                    continue
                number += 1
                if not broke_off(error) or number > bucket.patience.tries:
                    raise self.error(error, parts) from error
            bucket.patience.wait(number, NEVER)


@dataclass(slots=True)
class _Remote:
    """One object, or all below a prefix."""

    place: _Place
    meant_as_prefix: bool
    lanes: int = _LANES
    _single: tuple[int, str, str] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        # A slash at the end says that a prefix is meant.
        if not self.meant_as_prefix and self.place.address.key:
            self._single = self.place.asked(lambda: self.place.content(self.place.address.prefix))

    @property
    def connections(self) -> Connections:
        return self.place.bucket.files_down

    @property
    def single(self) -> bool:
        return self._single is not None

    def objects(self) -> Iterator[StoredObject | Note]:
        if self._single is None and not self.meant_as_prefix and self.place.address.key:
            yield from self._what_appears()
            return
        yield from self._objects()

    def level(self) -> Iterator[Entry]:
        if self._single is not None:
            yield from self._objects()
            return
        address = self.place.address
        skip = len(address.prefix) + 1 if address.key else 0
        found = self.place.asked(lambda: obstore.list_with_delimiter(self.place.bucket.store, address.prefix or None))
        folders = {entry[skip:].strip("/") for entry in found["common_prefixes"]}
        for name in sorted(folders):
            yield Folder(parts=safe_parts(name))
        for entry in found["objects"]:
            name = entry["path"][skip:]
            # What some tools make to show a directory.
            if name and (entry["size"] or name not in folders):
                yield _stored(name, int(entry["size"]), entry["e_tag"])

    def fetch(self, found: StoredObject, target: int, stopped: StopSign, count: Count = uncounted) -> FileSum:
        key = self._key(found)
        reading = Reading(
            self.place.bucket, key, target, size=found.size, version=found.version, stopped=stopped, count=count
        )
        try:
            with _measured(self.connections, found.size):
                return reading.read()
        except REMOTE_ERRORS as error:
            raise self.place.error(error, found.parts) from error

    def part(self, found: StoredObject, start: int, size: int) -> bytes:
        key = self._key(found)
        return self.place.asked(
            lambda: bytes(obstore.get_range(self.place.bucket.store, key, start=start, length=size)), found.parts
        )

    def noted_sum(self, found: StoredObject) -> str:
        content = self.place.asked(lambda: self.place.content(self._key(found)))
        return content[2] if content is not None else ""

    def remove(self, found: Sequence[StoredObject]) -> None:
        keys = [self._key(each) for each in found]
        self.place.asked(lambda: _delete(self.place.bucket.clients, keys))

    def _key(self, found: StoredObject) -> str:
        return self.place.address.prefix if self.single else self.place.key(found.parts)

    def _objects(self) -> Iterator[StoredObject | Note]:
        if self._single is not None:
            size, version, _ = self._single
            yield StoredObject(parts=self.place.address.key[-1:], size=size, version=version)
            return
        held: StoredObject | None = None
        for found in self._listed():
            if held is not None and (isinstance(found, Note) or found.parts[: len(held.parts)] != held.parts):
                yield held
            held = None
            if isinstance(found, StoredObject) and not found.size:
                # Perhaps what some tools make to show a directory; then its content follows at once.
                held = found
            else:
                yield found
        if held is not None:
            yield held

    def _what_appears(self) -> Iterator[StoredObject | Note]:
        """All below the prefix; where nothing is, the object itself, which some stores show late."""
        for number in range(1, _LOOKS + 1):
            is_empty = True
            for found in self._objects():
                is_empty = False
                yield found
            if not is_empty or number == _LOOKS:
                return
            self.place.bucket.patience.wait(number, NEVER)
            self._single = self.place.asked(lambda: self.place.content(self.place.address.prefix))

    def _listed(self) -> Iterator[StoredObject | Note]:
        address, bucket, last = self.place.address, self.place.bucket, ""
        skip = len(address.prefix) + 1 if address.key else 0
        number = 0
        while True:
            clients, before = bucket.clients, last
            try:
                for page in obstore.list(clients.store, address.prefix or None, offset=last or None, chunk_size=_PAGE):
                    for entry in page:
                        last = entry["path"]
                        if name := last[skip:]:
                            yield _stored(name, int(entry["size"]), entry["e_tag"])
                return
            except REMOTE_ERRORS as error:
                if bucket.renewed(clients, error):
                    continue
                number = 1 if last != before else number + 1
                if broke_off(error) and number <= bucket.patience.tries:
                    bucket.patience.wait(number, NEVER)
                    continue
                if "invalid path" not in str(error) or clients.wire is None:
                    raise self.place.error(error) from error
                # Names that obstore has no words for. Another client goes on behind the last that could be read.
                yield from self._listed_otherwise(last, skip)
                return

    def _listed_otherwise(self, after: str, skip: int) -> Iterator[StoredObject | Note]:
        address, wire = self.place.address, self.place.bucket.wire
        assert wire is not None
        try:
            for key, size, etag in listed_by_wire(wire, f"{address.prefix}/" if address.key else "", after):
                if name := key[skip:]:
                    yield _stored(name.rstrip("/") if not size else name, size, etag)
        except REMOTE_ERRORS as error:
            raise self.place.error(error) from error


def _measured(connections: Connections, size: int) -> AbstractContextManager[None]:
    """What larger objects take is measured by their pieces, which go over connections of their own."""
    return connections.moving(size) if size < LARGE_FROM_BYTES else nullcontext()


def _stored(name: str, size: int, version: str | None) -> StoredObject | Note:
    try:
        parts = safe_parts(name)
    except UnsafeName:
        return Note(text=f"{name!r} is left out: it cannot be the name of a file")
    if any(ord(character) < 32 for character in name):
        return Note(text=f"{name!r} is left out: it has characters that cannot be asked for")
    return StoredObject(parts=parts, size=size, version=version or "")


def _delete(clients: Clients, keys: Sequence[str]) -> None:
    at_once = clients.deletes_at_once
    for start in range(0, len(keys), at_once):
        some = keys[start : start + at_once]
        try:
            obstore.delete(clients.store, some)
        except FileNotFoundError:
            # One of them was gone already; which of the others are, is not said.
            for key in some:
                with suppress(FileNotFoundError):
                    obstore.delete(clients.store, key)


@dataclass(frozen=True, slots=True)
class _Writable:
    """A prefix that takes objects."""

    place: _Place
    resumes: bool
    lanes: int = _LANES

    @property
    def connections(self) -> Connections:
        return self.place.bucket.files_up

    def put(self, parts: Parts, source: int, stopped: StopSign, count: Count = uncounted) -> FileSum:
        writing = Writing(
            self.place.bucket,
            self.place.key(parts),
            stopped=stopped,
            count=count,
            large=_LARGE,
            keeps_parts=self.resumes,
        )
        try:
            with _measured(self.connections, os.fstat(source).st_size):
                return writing.write(source)
        except REMOTE_ERRORS as error:
            raise self.place.error(error, parts) from error

    def holds(self, parts: Parts, content: FileSum) -> bool:
        there = self.place.asked(lambda: self.place.content(self.place.key(parts)), parts)
        return there is not None and there[0] == content.size and there[2] == content.sha256

    def withdraw(self, parts: Parts) -> None:
        self.place.asked(lambda: _delete(self.place.bucket.clients, [self.place.key(parts)]), parts)


__all__ = ["Patience", "RemoteStore", "remote_stores"]
