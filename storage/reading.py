"""One object on its way into a file: in order, taken up where it broke off, and compared with its sum at the end."""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import PreconditionError

from storage.bucket import Bucket
from storage.clients import Store
from storage.connections import Connections
from storage.faults import StoreError, TransferStopped
from storage.lanes import StopSign
from storage.ranges import Cut, Range, in_order
from storage.remote_faults import REMOTE_ERRORS
from storage.s3_ranges import fetch_range
from storage.s3_wire import S3Refused, S3Wire
from storage.sums import SUM_NAME, Count, FileSum

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult

_CHUNK_BYTES = 1024 * 1024
# Larger ones are fetched by several requests at a time.
_RANGED_FROM_BYTES = 16 * 1024 * 1024
_LONGEST_RANGE_BYTES = 10 * 1024 * 1024
_LARGEST_SHARE = 40
_MOST_AT_ONCE = 3
# Of an object that breaks off, what was under way behind the first range is fetched again: this share of it at most.
_SHARE_LOST = 20
# Where many connections are needed each has less; what is under way then is this share of an object at most.
_LONGEST_FAR_RANGE_BYTES = 4 * 1024 * 1024
_SHARE_FAR = 3
# Buffers of ranges are what memory goes to; whoever finds none left reads its object as one stream.
_RANGED = threading.BoundedSemaphore(3)
_PARTS_OF_TAG = re.compile(r"-(\d+)\"?$")
_MIB = 1024 * 1024
_NOT_THERE = ("NoSuchKey", "404")
_EXCHANGED = ("PreconditionFailed", "412")
_READ_BACK_BYTES = 1024 * 1024


class Reading:
    """Reads one object into a descriptor, which may hold its beginning already.

    Shape: `version` is the entity tag of the object that a beginning is of, `size` what is expected of it. The file is
    written from its beginning on without gaps, so that what there is of it can be taken up whatever happens.
    """

    def __init__(
        self, bucket: Bucket, key: str, target: int, *, size: int, version: str, stopped: StopSign, count: Count
    ) -> None:
        self._bucket = bucket
        self._key = key
        self._target = target
        self._stopped = stopped
        self._count = count
        self._size = size
        self._etag = version
        self._promised = ""
        self._answered = False
        self._written = 0
        self._running = hashlib.sha256()

    def read(self) -> FileSum:
        """Have all of it. Errors: those of obstore; StoreError where it never is what it should be; TransferStopped."""
        self._take_up()
        number = 0
        while True:
            clients, before = self._bucket.clients, self._written
            try:
                self._go_on()
                return FileSum(size=self._written, sha256=self._running.hexdigest())
            except _Different as error:
                number += 1
                if number > self._bucket.patience.tries:
                    raise StoreError(str(error)) from error
                self._from_scratch()
            except REMOTE_ERRORS as error:
                if self._bucket.renewed(clients, error):
                    continue
                # Each piece that came is a reason to go on; a name that was listed is there, or will be shortly.
                number = 1 if self._written > before else number + 1
                is_other = isinstance(error, PreconditionError | FileNotFoundError)
                if number > self._bucket.patience.tries or not (self._answered or is_other):
                    raise
                if is_other:
                    # It was exchanged meanwhile.
                    self._from_scratch()
            self._bucket.patience.wait(number, self._stopped)

    def _go_on(self) -> None:
        holds = _takes_ranges(self._size)
        if not holds and (not self._written or self._written < self._size):
            holds = self._read_stream()
        if holds:
            try:
                self._read_ranges()
            finally:
                _RANGED.release()
        if self._written != self._size:
            raise ValueError(f"expected {self._size} bytes, got {self._written}")
        if self._promised and self._running.hexdigest() != self._promised:
            raise _Different(f"{self._key}: its contents do not have the SHA-256 that was noted when it was uploaded")

    def _read_stream(self) -> bool:
        """Read the rest, or a part of it where all can be had sooner: whether it may go on in ranges."""
        options: GetOptions = {}
        if self._written and self._etag:
            options = {"range": {"offset": self._written}, "if_match": self._etag}
        else:
            self._from_scratch()
        answer = obstore.get(self._bucket.store, self._key, options=options)
        self._note(answer)
        for chunk in answer.stream(min_chunk_size=_CHUNK_BYTES):
            self._take(memoryview(chunk))
            if self._bucket.ranges.is_far and self._etag and _takes_ranges(self._size - self._written):
                return True
        return False

    def _read_ranges(self) -> None:
        step = _range_bytes(self._size, self._etag)
        if not self._etag:
            # Which version it is, is not known before one of its ranges is there.
            answer = obstore.get(self._bucket.store, self._key, options={"range": (0, step)})
            self._note(answer)
            self._take(memoryview(answer.bytes()))
        cut = _cut(self._written, self._size, step, self._bucket.ranges)
        for piece in in_order(self._range, cut, self._stopped):
            self._take(piece)

    def _range(self, wanted: Range, stopped: StopSign) -> None:
        if stopped.is_set():
            raise TransferStopped
        clients = self._bucket.clients
        with self._bucket.ranges.moving(len(wanted)):
            if clients.wire is not None and clients.wire.is_plain:
                promised = self._range_by_wire(clients.wire, wanted, stopped)
            else:
                promised = self._range_by_store(clients.store, wanted)
        self._answered = True
        # Any answer has the sum; it is the same in all of them, as the version is.
        self._promised = self._promised or promised

    def _range_by_wire(self, wire: S3Wire, wanted: Range, stopped: StopSign) -> str:
        try:
            headers = fetch_range(wire, self._key, wanted, self._etag, stopped, self._bucket.ranges)
        except S3Refused as refused:
            if refused.code in _NOT_THERE:
                raise FileNotFoundError(self._key) from refused
            if refused.code in _EXCHANGED:
                raise PreconditionError(self._key) from refused
            raise
        return headers.get(f"x-amz-meta-{SUM_NAME}", "")

    def _range_by_store(self, store: Store, wanted: Range) -> str:
        options: GetOptions = {"range": (wanted.start, wanted.end), "if_match": self._etag}
        begun = time.monotonic()
        answer = obstore.get(store, self._key, options=options)
        self._bucket.ranges.answered(time.monotonic() - begun)
        wanted.came = memoryview(answer.bytes())
        if len(wanted.came) != len(wanted):
            raise ValueError(f"expected {len(wanted)} bytes, got {len(wanted.came)}")
        return answer.attributes.get(SUM_NAME, "")

    def _note(self, answer: GetResult) -> None:
        self._answered = True
        meta = answer.meta
        self._etag, self._size = meta["e_tag"] or "", int(meta["size"])
        self._promised = answer.attributes.get(SUM_NAME, "")

    def _take(self, data: memoryview) -> None:
        if self._stopped.is_set():
            raise TransferStopped
        self._running.update(data)
        size = len(data)
        self._answered = self._answered or size > 0
        while data:
            data = data[os.write(self._target, data) :]
        self._written += size
        self._count(size)

    def _take_up(self) -> None:
        """Go on from what the file holds, where it may be a beginning."""
        there = os.fstat(self._target).st_size
        if not self._etag or not 0 < there <= self._size:
            return
        self._answered = True
        while data := os.pread(self._target, _READ_BACK_BYTES, self._written):
            self._running.update(data)
            self._written += len(data)
        os.lseek(self._target, self._written, os.SEEK_SET)
        self._count(self._written)

    def _from_scratch(self) -> None:
        self._count(-self._written)
        self._written = 0
        self._etag = ""
        self._promised = ""
        self._running = hashlib.sha256()
        os.lseek(self._target, 0, os.SEEK_SET)
        os.ftruncate(self._target, 0)


def _takes_ranges(size: int) -> bool:
    """Whether so much may be read in ranges; `_RANGED` is held then."""
    return size >= _RANGED_FROM_BYTES and _RANGED.acquire(blocking=False)


def _range_bytes(size: int, etag: str) -> int:
    """How much to ask for at a time: as many whole parts as may be, so that the store opens none twice, or the like.

    Stores that speak S3 tell by the entity tag how many parts an object came in; nearly all are whole MiB.
    """
    most = min(max(size // _LARGEST_SHARE, _CHUNK_BYTES), _LONGEST_RANGE_BYTES)
    found = _PARTS_OF_TAG.search(etag)
    parts = int(found[1]) if found is not None else 0
    part = -(-size // (parts * _MIB)) * _MIB if parts else 0
    return most // part * part if _CHUNK_BYTES <= part <= most else min(most, max(size // 64, _CHUNK_BYTES))


def _cut(start: int, size: int, step: int, connections: Connections) -> Cut:
    far_step = min(step, _LONGEST_FAR_RANGE_BYTES)
    at_once = _ranges_at_once(size, step)
    most = max(size // _SHARE_FAR // far_step, at_once)
    return Cut(
        start=start,
        end=size,
        step=step,
        at_once=at_once,
        far_step=far_step,
        most=min(most, max(connections.most, at_once)),
        connections=connections,
    )


def _ranges_at_once(size: int, step: int) -> int:
    return min(max(1 + size // _SHARE_LOST // step, 2), _MOST_AT_ONCE)


class _Different(Exception):
    """What came is not what was put."""
