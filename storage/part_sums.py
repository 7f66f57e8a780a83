"""The sums of a large file before it is sent: of the whole, which goes with it, and of each part, which signs it.

Both are taken side by side while the file is in the machine's memory: hashing lets other threads go on.
"""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor

from storage.file_piece import FilePiece, ShorterFile
from storage.lanes import StopSign
from storage.sums import FileSum, file_sum


def file_and_part_sums(descriptor: int, part_bytes: int, stopped: StopSign) -> tuple[FileSum, tuple[str, ...]]:
    """The sum of a regular file and the SHA-256 of each of its parts; none where it changed meanwhile.

    Shape: of parts in hexadecimal digits, in order. Errors: OSError, TransferStopped.
    """
    size = os.fstat(descriptor).st_size
    with ThreadPoolExecutor(1, thread_name_prefix="part-sums") as thread:
        coming = thread.submit(_part_sums, descriptor, size, part_bytes, stopped)
        content = file_sum(descriptor, stopped)
        parts = coming.result()
    return content, parts if content.size == size else ()


def _part_sums(descriptor: int, size: int, part_bytes: int, stopped: StopSign) -> tuple[str, ...]:
    parts = (
        FilePiece(name="", source=descriptor, start=start, size=min(part_bytes, size - start))
        for start in range(0, size, part_bytes)
    )
    try:
        return tuple(part.add_to(hashlib.sha256(), stopped) for part in parts)
    except ShorterFile:
        return ()
