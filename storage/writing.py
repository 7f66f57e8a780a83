"""Contents of files on their way into objects."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import obstore

from storage.bucket import Bucket
from storage.faults import TransferStopped
from storage.lanes import StopSign
from storage.multipart import LargeFile, MultipartPut, part_bytes_of, unfinished_uploads
from storage.part_sums import part_sums
from storage.remote_faults import REMOTE_ERRORS
from storage.s3_wire import S3Refused
from storage.sums import SUM_NAME, Count, FileSum, file_sum, sum_of_bytes
from storage.turns import Turns

if TYPE_CHECKING:
    from obstore import Attributes

LARGE_FROM_BYTES = 4 * 1024 * 1024
"""What is larger goes in parts."""

_PART_BYTES = 8 * 1024 * 1024
_PARTS_AT_ONCE = 4
_CHUNK_BYTES = 1024 * 1024
# A file that is written to all the time is sent as it comes, in the end.
_TRIES_WITH_SUM = 2


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What is known of a large file before it is sent. Shape: as of `LargeFile` and `MultipartPut`."""

    content: FileSum
    part_sums: tuple[str, ...]
    unfinished: list[str] | None


class Writing:
    """Puts one object of a bucket. Shape: `large` gives a turn to who sends a large one."""

    def __init__(
        self,
        bucket: Bucket,
        key: str,
        *,
        stopped: StopSign,
        count: Count,
        large: Turns,
        keeps_parts: bool,
    ) -> None:
        self._bucket = bucket
        self._key = key
        self._stopped = stopped
        self._count = count
        self._large = large
        self._keeps_parts = keeps_parts
        self._counted = 0

    def write(self, source: int) -> FileSum:
        """Put what a descriptor holds. Errors: those of obstore and of `s3_wire`; OSError; TransferStopped."""
        first = _read(source, LARGE_FROM_BYTES + 1)
        if len(first) <= LARGE_FROM_BYTES:
            self._check_whole()
            return self._write_small(first)
        with self._large.one(self._goes_far, self._stopped):
            if not stat.S_ISREG(os.fstat(source).st_mode):
                return self._write_stream(first, source)
            for _ in range(_TRIES_WITH_SUM):
                before = _age(source)
                prepared = self._prepared(source)
                try:
                    self._write_file(source, prepared)
                except S3Refused:
                    # A part is not what was signed where it was written to meanwhile.
                    if _age(source) == before:
                        raise
                if _age(source) == before:
                    return prepared.content
                self._uncount()
            os.lseek(source, 0, os.SEEK_SET)
            return self._write_stream(b"", source)

    def _goes_far(self) -> bool:
        return self._bucket.clients.wire is not None and self._bucket.parts.is_far

    def _prepared(self, source: int) -> _Prepared:
        """A file's sum, and meanwhile what the store has of it already; both are known before anything is sent."""
        with ThreadPoolExecutor(1, thread_name_prefix="before-upload") as thread:
            size = os.fstat(source).st_size
            coming = thread.submit(self._asked, source, size)
            content = file_sum(source, self._stopped)
            unfinished, sums = coming.result()
        return _Prepared(content, sums if content.size == size else (), unfinished)

    def _asked(self, source: int, size: int) -> tuple[list[str] | None, tuple[str, ...]]:
        wire, connections = self._bucket.clients.wire, self._bucket.parts
        if wire is None:
            return None, ()
        unfinished = unfinished_uploads(wire, self._key, self._stopped, connections)
        if not wire.is_plain:
            return unfinished, ()
        part_bytes = part_bytes_of(size)
        # While the first parts are on a long way there is time enough to sum those that follow.
        summed = min(size, connections.most * part_bytes) if connections.is_far else size
        return unfinished, part_sums(source, summed, part_bytes, self._stopped)

    def _write_small(self, data: bytes) -> FileSum:
        content = sum_of_bytes(data)
        while True:
            clients = self._bucket.clients
            try:
                obstore.put(clients.store, self._key, data, use_multipart=False, attributes={SUM_NAME: content.sha256})
            except REMOTE_ERRORS as error:
                if not self._bucket.renewed(clients, error):
                    raise
            else:
                self._add(len(data))
                return content

    def _write_file(self, source: int, prepared: _Prepared) -> None:
        begun: set[str] = set()
        content, unfinished = prepared.content, prepared.unfinished
        while True:
            clients = self._bucket.clients
            try:
                if clients.wire is not None:
                    file = LargeFile(key=self._key, source=source, content=content, part_sums=prepared.part_sums)
                    MultipartPut(
                        clients.wire,
                        file,
                        self._stopped,
                        self._add,
                        keeps_parts=self._keeps_parts,
                        connections=self._bucket.parts,
                        begun=begun,
                        unfinished=unfinished,
                    ).put()
                else:
                    self._put_pieces(_pieces_of(source, content.size), content.size, {SUM_NAME: content.sha256})
                return
            except REMOTE_ERRORS as error:
                # Parts that are there already are found again with the other credential.
                self._uncount()
                if not self._bucket.renewed(clients, error):
                    raise
                unfinished = None

    def _write_stream(self, first: bytes, source: int) -> FileSum:
        """Send what comes, once: what was read cannot be read again, and its sum is known too late to be noted."""
        running, size = hashlib.sha256(), 0

        def pieces() -> Iterator[bytes]:
            nonlocal size
            piece = first or os.read(source, _CHUNK_BYTES)
            while piece:
                running.update(piece)
                size += len(piece)
                yield piece
                piece = os.read(source, _CHUNK_BYTES)
            self._check_whole()

        self._put_pieces(pieces(), os.fstat(source).st_size, {})
        return FileSum(size=size, sha256=running.hexdigest())

    def _put_pieces(self, pieces: Iterator[bytes], size: int, attributes: Attributes) -> None:
        # A store takes 10,000 parts at most. Where it fails, also in `pieces`, obstore takes the parts back.
        obstore.put(
            self._bucket.store,
            self._key,
            self._watched(pieces),
            use_multipart=True,
            chunk_size=max(_PART_BYTES, size // 9_000),
            max_concurrency=_PARTS_AT_ONCE,
            attributes=attributes,
        )

    def _watched(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            if self._stopped.is_set():
                raise TransferStopped
            yield piece
            self._add(len(piece))

    def _check_whole(self) -> None:
        """What ended may be half of a file: whoever fills a pipe says so by the sign."""
        if self._stopped.is_set():
            raise TransferStopped

    def _add(self, size: int) -> None:
        self._counted += size
        self._count(size)

    def _uncount(self) -> None:
        self._count(-self._counted)
        self._counted = 0


def _age(source: int) -> tuple[int, int]:
    status = os.fstat(source)
    return status.st_mtime_ns, status.st_size


def _pieces_of(source: int, size: int) -> Iterator[bytes]:
    start = 0
    while start < size and (piece := os.pread(source, min(_CHUNK_BYTES, size - start), start)):
        start += len(piece)
        yield piece


def _read(source: int, limit: int) -> bytes:
    pieces: list[bytes] = []
    missing = limit
    while missing and (piece := os.read(source, missing)):
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)
