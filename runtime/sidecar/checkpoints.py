"""Takes checkpoints from the wrapper and stores them while they come in.

Only the wrapper can see the files of the user's container. It sends, for each file, a line of JSON with its name and
size, then its bytes, and a line with `end` after the last. Nothing is laid down on disk here: small files pass through
memory, several at a time, a large one through a pipe.
Source: runtime/wrapper/checkpoint.go; workflow-spec.md §6.6.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import msgspec

from runtime.move_voice import MoveVoice
from runtime.task_data import DataFault
from storage.faults import StoreError, TransferStopped
from storage.keys import Parts, UnsafeName, safe_parts
from storage.lanes import Lanes, StopSign
from storage.select import selection
from storage.stores import Stores, Target
from storage.transfer import Moved
from storage.urls import parse_location
from translator.lifecycle.words import ExitCode
from translator.plan.model import CheckpointPlan

_GLOB = re.compile(r"[*?\[]")
_SMALL_BYTES = 4 * 1024 * 1024
_STEP_BYTES = 1024 * 1024


class ByteStream(Protocol):
    """What a wrapper sends, as it comes."""

    def line(self) -> bytes:
        """The next line, b"" at the end. Errors: OSError, also for one that is too long."""

    def read(self, limit: int) -> bytes:
        """Some bytes, at most `limit`; b"" at the end. Errors: OSError."""


class FrameHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What stands before a file's bytes. Units: bytes."""

    name: str = ""
    size: int = 0
    end: bool = False


class BrokenOff(StoreError):
    """The stream ended in the middle, or is none of the wrapper's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointStorer:
    """Stores the checkpoints of one attempt; any thread."""

    checkpoints: tuple[CheckpointPlan, ...]
    stores: Stores
    writer: str
    stopped: StopSign
    voice: MoveVoice

    def store(self, index: int, stream: ByteStream) -> DataFault | None:
        """Store one checkpoint from a stream; one that breaks off is a fault. Errors: TransferStopped."""
        if not 0 <= index < len(self.checkpoints):
            return DataFault(ExitCode.UPLOAD_FAILED, f"Checkpoint upload failed: there is no checkpoint {index}")
        checkpoint = self.checkpoints[index]
        try:
            self._store(checkpoint, stream)
        except (StoreError, OSError) as error:
            self.voice.checkpoint_failed(checkpoint.path, error)
            return DataFault(ExitCode.UPLOAD_FAILED, f"Checkpoint upload failed: {checkpoint.path}: {error}")
        return None

    def _store(self, checkpoint: CheckpointPlan, stream: ByteStream) -> None:
        location, chosen = parse_location(checkpoint.url), selection(checkpoint.regex)
        glob = _GLOB.search(checkpoint.path) is not None
        tally = _Tally(self.voice, location.url, "" if glob else checkpoint.path)
        with (
            self.stores.serving(location).target(location, self.writer) as target,
            # One more than the store can use, so that there are several: a large file is pumped from this thread.
            Lanes(target.lanes + 1, self.stopped) as lanes,
        ):
            for parts, size in _headers(stream):
                # A directory goes by its base name, which its regex does not see; matches of a glob go by theirs.
                shown = parts if glob or len(parts) == 1 else parts[1:]
                if chosen.takes(shown):
                    _put(lanes, target, parts, stream, size, tally.of(parts[0]))
                else:
                    _skip(stream, size)
        tally.tell()


@dataclass(slots=True)
class _Tally:
    """What was stored, by match of a glob, or together under `name`."""

    voice: MoveVoice
    url: str
    name: str
    moved: dict[str, Moved] = field(default_factory=dict)

    def of(self, first: str) -> Moved:
        return self.moved.setdefault(self.name or first, Moved())

    def tell(self) -> None:
        for name, moved in self.moved.items():
            self.voice.checkpoint_uploaded(name, self.url, moved)


def _headers(stream: ByteStream) -> Iterator[tuple[Parts, int]]:
    """Names and sizes; the bytes are for whoever asked to take. Errors: BrokenOff."""
    while True:
        try:
            header = _DECODER.decode(stream.line())
            if header.end:
                return
            yield safe_parts(header.name), max(header.size, 0)
        except (msgspec.MsgspecError, UnsafeName) as error:
            raise BrokenOff(f"the files could not be read: {error}") from error


def _put(lanes: Lanes, target: Target, parts: Parts, stream: ByteStream, size: int, moved: Moved) -> None:
    if size <= _SMALL_BYTES:
        data = b"".join(_pieces(stream, size))
        lanes.run(partial(_put_small, target, parts, data, moved, lanes))
        return
    source, sink = os.pipe()
    sign = _Broken(lanes)
    try:
        lanes.run(partial(_put_piped, target, parts, source, moved, sign))
        for piece in _pieces(stream, size):
            _write(sink, piece, sign)
    except BrokenPipeError as error:
        # The store gave up; the lanes know why.
        raise TransferStopped from error
    except BaseException:
        sign.broken = True
        raise
    finally:
        os.close(sink)


def _put_small(target: Target, parts: Parts, data: bytes, moved: Moved, stopped: StopSign) -> None:
    with os.fdopen(os.memfd_create("checkpoint"), "r+b", buffering=0) as file:
        file.write(data)
        file.seek(0)
        moved.add(target.put(parts, file.fileno(), stopped))


def _put_piped(target: Target, parts: Parts, source: int, moved: Moved, sign: StopSign) -> None:
    try:
        moved.add(target.put(parts, source, sign))
    finally:
        # Who still writes gets an error instead of waiting for ever.
        os.close(source)


@dataclass(slots=True)
class _Broken:
    """A sign to stop that also says that a file broke off, so that half of it is not taken for all."""

    others: StopSign
    broken: bool = False

    def is_set(self) -> bool:
        return self.broken or self.others.is_set()


def _pieces(stream: ByteStream, size: int) -> Iterator[bytes]:
    while size:
        data = stream.read(min(size, _STEP_BYTES))
        if not data:
            raise BrokenOff("the files broke off in the middle")
        size -= len(data)
        yield data


def _skip(stream: ByteStream, size: int) -> None:
    for _ in _pieces(stream, size):
        pass


def _write(sink: int, data: bytes, stopped: StopSign) -> None:
    view = memoryview(data)
    while view:
        if stopped.is_set():
            raise TransferStopped
        view = view[os.write(sink, view) :]


_DECODER = msgspec.json.Decoder(FrameHeader)
