"""Object stores that speak S3, by obstore: streamed, several objects at a time, with bounded memory.

What passes by itself (503, a broken connection) is tried again with growing pauses: requests by obstore, a download
that broke off in the middle here, from where it broke off.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import PreconditionError
from obstore.store import S3Store

from storage.addresses import S3_SCHEMES, Address, address_of, s3_config
from storage.credentials import Keyring
from storage.faults import TransferStopped
from storage.keys import Parts, UnsafeName, safe_parts
from storage.lanes import StopSign
from storage.remote_faults import REMOTE_ERRORS, explained
from storage.stores import Note, ObjectStore, Source, StoredObject, Target
from storage.urls import Location

if TYPE_CHECKING:
    from obstore import GetOptions
    from obstore.store import BackoffConfig, ClientConfig, RetryConfig, S3Config

_LANES = 12
_SINGLE_BYTES = 4 * 1024 * 1024
_PART_BYTES = 8 * 1024 * 1024
_PARTS_AT_ONCE = 4
# Buffers of large uploads are what memory goes to.
_LARGE_AT_ONCE = 2
_CHUNK_BYTES = 1024 * 1024
_RESUMES = 6


def remote_stores(keys: Keyring) -> dict[str, ObjectStore]:
    """The stores that some keys open, by scheme."""
    return dict.fromkeys(S3_SCHEMES, RemoteStore(keys))


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a store that does not answer well is tried again. Units: seconds."""

    tries: int = 8
    first_pause_seconds: float = 0.2
    longest_pause_seconds: float = 10.0
    request_seconds: float = 600.0
    silence_seconds: float = 60.0
    connect_seconds: float = 10.0

    def pause(self, number: int) -> float:
        """The pause before try `number`, from 1 on."""
        return float(min(self.first_pause_seconds * 2 ** (number - 1), self.longest_pause_seconds))


class RemoteStore:
    """Serves `s3://` and what is reached like it. Any thread; clients are kept, one a bucket."""

    def __init__(self, keys: Keyring, patience: Patience | None = None) -> None:
        self._keys = keys
        self._patience = patience or Patience()
        self._clients: dict[tuple[str, str, str], S3Store] = {}
        self._lock = threading.Lock()
        self._large = threading.BoundedSemaphore(_LARGE_AT_ONCE)

    @contextmanager
    def source(self, location: Location) -> Iterator[Source]:
        """Open an object, or all below a prefix, for reading."""
        address = address_of(location)
        yield _Remote(self._client(location, address), address, location, self._patience)

    @contextmanager
    def target(self, location: Location, writer: str) -> Iterator[Target]:
        """Open a prefix for writing. An object appears when it is complete, so writers need not be told apart."""
        address = address_of(location)
        yield _Writable(self._client(location, address), address, location, self._large)

    def _client(self, location: Location, address: Address) -> S3Store:
        credential = self._keys.credential(location)
        name = (location.scheme, address.endpoint, address.bucket)
        with self._lock:
            if name not in self._clients:
                config = s3_config(address, location.scheme, credential)
                self._clients[name] = _new_client(address, config, self._patience)
            return self._clients[name]


def _new_client(address: Address, config: S3Config, patience: Patience) -> S3Store:
    options: ClientConfig = {
        "timeout": timedelta(seconds=patience.request_seconds),
        "read_timeout": timedelta(seconds=patience.silence_seconds),
        "connect_timeout": timedelta(seconds=patience.connect_seconds),
    }
    if not config.get("endpoint", "").startswith("https://"):
        # Without one, the environment may name one.
        options["allow_http"] = True
    backoff: BackoffConfig = {
        "init_backoff": timedelta(seconds=patience.first_pause_seconds),
        "max_backoff": timedelta(seconds=patience.longest_pause_seconds),
        "base": 2,
    }
    retries: RetryConfig = {"max_retries": patience.tries, "backoff": backoff}
    return S3Store(address.bucket, config=config, client_options=options, retry_config=retries)


class _Remote:
    """One object, or all below a prefix."""

    lanes = _LANES

    def __init__(self, client: S3Store, address: Address, location: Location, patience: Patience) -> None:
        self._client = client
        self._address = address
        self._url = location.url
        self._patience = patience
        # A slash at the end says that a prefix is meant.
        self._size = None if location.path.endswith("/") or not address.key else self._size_of_one()

    @property
    def single(self) -> bool:
        return self._size is not None

    def objects(self) -> Iterator[StoredObject | Note]:
        if self._size is not None:
            yield StoredObject(parts=self._address.key[-1:], size=self._size)
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

    def fetch(self, found: StoredObject, target: int, stopped: StopSign) -> int:
        key = self._address.prefix if self.single else "/".join((*self._address.key, *found.parts))
        reading = _Reading(self._client, key, target, stopped)
        for number in range(1, _RESUMES + 1):
            try:
                return reading.go_on()
            except REMOTE_ERRORS as error:
                if number == _RESUMES or not reading.begun or isinstance(error, FileNotFoundError):
                    raise explained(error, f"{self._url}: {'/'.join(found.parts)}") from error
                if isinstance(error, PreconditionError):
                    reading.forget()
            _pause(self._patience.pause(number), stopped)
        raise AssertionError("the last try returns or raises")

    def _size_of_one(self) -> int | None:
        try:
            return int(obstore.head(self._client, self._address.prefix)["size"])
        except FileNotFoundError:
            return None
        except REMOTE_ERRORS as error:
            raise explained(error, self._url) from error

    def _listed(self) -> Iterator[StoredObject | Note]:
        skip = len(self._address.prefix) + 1 if self._address.key else 0
        try:
            for page in obstore.list(self._client, self._address.prefix or None, chunk_size=1000):
                for entry in page:
                    name = entry["path"][skip:]
                    if name:
                        yield _stored(name, int(entry["size"]))
        except REMOTE_ERRORS as error:
            raise explained(error, self._url) from error


def _stored(name: str, size: int) -> StoredObject | Note:
    try:
        return StoredObject(parts=safe_parts(name), size=size)
    except UnsafeName:
        return Note(text=f"{name!r} is left out: it cannot be the name of a file")


class _Reading:
    """One object on its way into a file, taken up where it broke off as long as it is the same object."""

    def __init__(self, client: S3Store, key: str, target: int, stopped: StopSign) -> None:
        self.begun = False
        self._client = client
        self._key = key
        self._target = target
        self._stopped = stopped
        self._etag: str | None = None
        self._size = 0
        self._written = 0

    def go_on(self) -> int:
        """Read to the end and return the size. Errors: those of obstore; TransferStopped."""
        if self.begun and self._written == self._size:
            return self._size
        options: GetOptions = {}
        if self._written and self._etag:
            options = {"range": {"offset": self._written}, "if_match": self._etag}
        else:
            self._from_scratch()
        answer = obstore.get(self._client, self._key, options=options)
        if not self.begun:
            self.begun, self._etag, self._size = True, answer.meta["e_tag"], int(answer.meta["size"])
        for chunk in answer.stream(min_chunk_size=_CHUNK_BYTES):
            if self._stopped.is_set():
                raise TransferStopped
            _write(self._target, memoryview(chunk))
            self._written += len(chunk)
        if self._written != self._size:
            raise ValueError(f"expected {self._size} bytes, got {self._written}")
        return self._size

    def forget(self) -> None:
        """Take the object from its beginning: it was exchanged meanwhile."""
        self._etag = None

    def _from_scratch(self) -> None:
        self._written = 0
        self.begun = False
        os.lseek(self._target, 0, os.SEEK_SET)
        os.ftruncate(self._target, 0)


def _write(target: int, data: memoryview) -> None:
    while data:
        data = data[os.write(target, data) :]


class _Writable:
    """A prefix that takes objects."""

    lanes = _LANES

    def __init__(
        self, client: S3Store, address: Address, location: Location, large: threading.BoundedSemaphore
    ) -> None:
        self._client = client
        self._address = address
        self._url = location.url
        self._large = large

    def put(self, parts: Parts, source: int, stopped: StopSign) -> int:
        key = "/".join((*self._address.key, *parts))
        first = _read(source, _SINGLE_BYTES + 1)
        try:
            if len(first) <= _SINGLE_BYTES:
                _check_whole(stopped)
                obstore.put(self._client, key, first, use_multipart=False)
                return len(first)
            with self._large:
                return self._put_large(key, first, source, stopped)
        except REMOTE_ERRORS as error:
            raise explained(error, f"{self._url}: {'/'.join(parts)}") from error

    def _put_large(self, key: str, first: bytes, source: int, stopped: StopSign) -> int:
        sizes = [len(first)]

        def pieces() -> Iterator[bytes]:
            yield first
            while piece := _read(source, _CHUNK_BYTES):
                if stopped.is_set():
                    raise TransferStopped
                sizes.append(len(piece))
                yield piece
            _check_whole(stopped)

        # A store takes 10,000 parts at most. Where it fails, also in `pieces`, obstore takes the parts back.
        part = max(_PART_BYTES, os.fstat(source).st_size // 9_000)
        obstore.put(self._client, key, pieces(), use_multipart=True, chunk_size=part, max_concurrency=_PARTS_AT_ONCE)
        return sum(sizes)


def _check_whole(stopped: StopSign) -> None:
    """What ended may be half of a file: whoever fills a pipe says so by the sign."""
    if stopped.is_set():
        raise TransferStopped


def _read(source: int, limit: int) -> bytes:
    pieces: list[bytes] = []
    missing = limit
    while missing and (piece := os.read(source, missing)):
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def _pause(seconds: float, stopped: StopSign) -> None:
    until = time.monotonic() + seconds
    while not stopped.is_set() and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.1))
    if stopped.is_set():
        raise TransferStopped
