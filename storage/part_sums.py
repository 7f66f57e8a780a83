"""The sums of the parts of a large file, which sign them; they are taken beside that of the whole, before it is sent.

The file is in the machine's memory then, and hashing lets other threads go on.
"""

from __future__ import annotations

import hashlib

from storage.file_piece import FilePiece, ShorterFile
from storage.lanes import StopSign


def part_sums(descriptor: int, size: int, part_bytes: int, stopped: StopSign) -> tuple[str, ...]:
    """The SHA-256 of each part of a regular file up to this size; none where the file became shorter meanwhile.

    Shape: in hexadecimal digits, in order. Errors: OSError, TransferStopped.
    """
    parts = (
        FilePiece(name="", source=descriptor, start=start, size=min(part_bytes, size - start))
        for start in range(0, size, part_bytes)
    )
    try:
        return tuple(part.add_to(hashlib.sha256(), stopped) for part in parts)
    except ShorterFile:
        return ()
