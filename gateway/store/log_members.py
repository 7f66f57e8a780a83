"""A compressed log in members of bounded size: one gzip file for zcat, of which each part can be read by itself.

The same lines always give the same bytes, so that an object that is put twice is the same object.
"""

from __future__ import annotations

import zlib
from typing import BinaryIO

from gateway.ports.archive import Member

MEMBER_BYTES = 1024 * 1024
_GZIP = zlib.MAX_WBITS | 16


class MembersWriter:
    """Compresses lines into a file; memory is that of one compressor. Units: `member_bytes` of text begin a new one."""

    def __init__(self, file: BinaryIO, *, member_bytes: int = MEMBER_BYTES) -> None:
        self._file = file
        self._member_bytes = member_bytes
        self._members: list[Member] = []
        self._compressor = zlib.compressobj(wbits=_GZIP)
        self._start = 0
        self._size = 0
        self._text_bytes = 0
        self._lines = 0

    def add(self, line: bytes) -> None:
        """Append one line, line feed and all. Errors: OSError."""
        self._write(self._compressor.compress(line))
        self._text_bytes += len(line)
        self._lines += 1
        if self._text_bytes >= self._member_bytes:
            self._end_member()

    def finish(self) -> tuple[Member, ...]:
        """Write what is left, and say where the members are; () where there was no line. Errors: OSError."""
        if self._lines:
            self._end_member()
        self._file.flush()
        return tuple(self._members)

    def _end_member(self) -> None:
        self._write(self._compressor.flush())
        self._members.append(Member(start=self._start, size=self._size, lines=self._lines))
        self._compressor = zlib.compressobj(wbits=_GZIP)
        self._start += self._size
        self._size = self._text_bytes = self._lines = 0

    def _write(self, data: bytes) -> None:
        if data:
            self._file.write(data)
            self._size += len(data)


def member_text(data: bytes) -> bytes:
    """The text of one member. Errors: ValueError where the data is not what was written."""
    try:
        return zlib.decompress(data, wbits=_GZIP)
    except zlib.error as error:
        raise ValueError(str(error)) from error
