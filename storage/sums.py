"""Sizes and SHA-256 sums of files: what goes into a store is what comes out of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from storage.faults import TransferStopped
from storage.keys import Parts
from storage.lanes import StopSign

SUM_NAME = "sha256"
"""The name of the metadata of an object that holds the SHA-256 of its contents, in hexadecimal digits."""

_STEP_BYTES = 1024 * 1024

Count = Callable[[int], None]
"""Told of bytes that were moved; of fewer than none where some have to be moved again. Any thread."""


class Digest(Protocol):
    """A sum that is being taken, as those of `hashlib`."""

    def update(self, data: memoryview, /) -> None:
        """Go on with more bytes."""

    def hexdigest(self) -> str:
        """The sum so far, in hexadecimal digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSum:
    """A file's contents in short. Shape: `sha256` in hexadecimal digits. Units: size in bytes."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedFile:
    """A file that is where it should be. Shape: `was_there` where nothing had to be moved for it."""

    parts: Parts
    size: int
    sha256: str
    was_there: bool = False


def uncounted(_size: int) -> None:
    """Count nothing."""


def file_sum(descriptor: int, stopped: StopSign) -> FileSum:
    """The sum of a regular file from its beginning to its end; its position stays. Errors: OSError, TransferStopped."""
    running, size = hashlib.sha256(), 0
    # One more than there seems to be, so that the end is seen with the first look at small files.
    buffer = memoryview(bytearray(min(_STEP_BYTES, os.fstat(descriptor).st_size + 1)))
    while read := read_into(descriptor, buffer, size):
        if stopped.is_set():
            raise TransferStopped
        running.update(buffer[:read])
        size += read
    return FileSum(size=size, sha256=running.hexdigest())


def read_into(descriptor: int, buffer: memoryview, start: int) -> int:
    """Read what is at a place of a file into a buffer and return how many bytes; 0 at its end. Errors: OSError."""
    if hasattr(os, "preadv"):
        return os.preadv(descriptor, [buffer], start)
    data = os.pread(descriptor, len(buffer), start)
    buffer[: len(data)] = data
    return len(data)


def sum_of_bytes(data: bytes) -> FileSum:
    """The sum of some bytes."""
    return FileSum(size=len(data), sha256=hashlib.sha256(data).hexdigest())


def looks_like_md5(etag: str | None) -> bool:
    """Whether an entity tag may be the MD5 of the contents, as stores make it of what came in one piece."""
    text = (etag or "").strip('"').lower()
    return len(text) == 32 and all(digit in "0123456789abcdef" for digit in text)
