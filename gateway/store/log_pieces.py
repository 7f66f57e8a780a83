"""The files of one workflow's log: numbered pieces, each raw (`live-000001.log`) or compressed (`000001.z`).

The highest number is the piece that grows; a lower one never changes any more. A raw piece may be deleted once the
compressed one has its final name, so a reader looks for the compressed one last.
"""

from __future__ import annotations

import os
import shutil
import zlib
from contextlib import suppress
from pathlib import Path

from gateway.store.log_records import whole_records
from translator.plan.model import WorkflowUuid

_RAW = "live-{:06}.log"
_COMPRESSED = "{:06}.z"


class Pieces:
    """The directory of one workflow's log, which may not exist yet."""

    def __init__(self, root: Path, uuid: WorkflowUuid) -> None:
        # Two levels, so that no directory gets as many entries as there are workflows.
        self.directory = root / uuid[:2] / uuid

    def raw(self, number: int) -> Path:
        """Where the raw form of a piece stands."""
        return self.directory / _RAW.format(number)

    def compressed(self, number: int) -> Path:
        """Where the compressed form of a piece stands."""
        return self.directory / _COMPRESSED.format(number)

    def raw_numbers(self) -> list[int]:
        """The pieces that stand there raw, rising."""
        return sorted(int(path.name[5:-4]) for path in self.directory.glob("live-*.log"))

    def numbers(self) -> list[int]:
        """All pieces, rising."""
        try:
            names = os.listdir(self.directory)
        except FileNotFoundError:
            return []
        raw = {int(name[5:-4]) for name in names if name.startswith("live-") and name.endswith(".log")}
        return sorted(raw | {int(name[:-2]) for name in names if name.endswith(".z")})

    def read(self, number: int, start: int = 0) -> bytes:
        """The whole records of a piece from a byte on; empty where the piece does not exist (any more)."""
        with suppress(FileNotFoundError):
            with self.raw(number).open("rb") as file:
                file.seek(start)
                data = file.read()
            return data[: whole_records(data)]
        with suppress(FileNotFoundError):
            return zlib.decompress(self.compressed(number).read_bytes())[start:]
        return b""

    def has(self, number: int) -> bool:
        """Whether a piece stands there in either form."""
        # The raw one is deleted only when the compressed one stands, so it is looked for first.
        return self.raw(number).exists() or self.compressed(number).exists()

    def remove(self) -> None:
        """Delete all of them, from the first on, and the directory. Safe to repeat.

        A reader that finds the first ones missing knows that the others are about to go.
        """
        for number in self.numbers():
            self.raw(number).unlink(missing_ok=True)
            self.compressed(number).unlink(missing_ok=True)
        shutil.rmtree(self.directory, ignore_errors=True)
        with suppress(OSError):
            self.directory.parent.rmdir()

    def size(self, number: int) -> int:
        """The bytes of a raw piece as it is now; 0 where it does not stand there raw."""
        try:
            return self.raw(number).stat().st_size
        except FileNotFoundError:
            return 0

    def compress(self, number: int) -> tuple[bytes, int]:
        """Give a raw piece its compressed form too; its content, and the size of that form on the disk."""
        data = self.read(number)
        target = self.compressed(number)
        partial = target.with_suffix(".tmp")
        body = zlib.compress(data)
        with partial.open("wb") as file:
            file.write(body)
            file.flush()
            # The raw piece will be deleted: from then on this is all there is.
            os.fsync(file.fileno())
        partial.replace(target)
        return data, len(body)

    def cut_torn_line(self, number: int) -> int:
        """Cut an incomplete record off the end of a raw piece; how many bytes were cut."""
        path = self.raw(number)
        data = path.read_bytes()
        whole = whole_records(data)
        if whole < len(data):
            os.truncate(path, whole)
        return len(data) - whole

    def drop_partial(self) -> None:
        """Delete what an interrupted compression left."""
        for path in self.directory.glob("*.tmp"):
            path.unlink(missing_ok=True)
