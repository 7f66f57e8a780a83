"""Files that are on no disk, for small contents that a store wants from a descriptor: nothing is left behind."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def memory_file(content: bytes = b"") -> Iterator[int]:
    """A descriptor of a file with this content, at its beginning. Errors: OSError."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("argosmo", os.MFD_CLOEXEC)
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


def content_of(descriptor: int) -> bytes:
    """All that a file holds. Errors: OSError."""
    pieces = []
    start = 0
    while piece := os.pread(descriptor, 1024 * 1024, start):
        pieces.append(piece)
        start += len(piece)
    return b"".join(pieces)
