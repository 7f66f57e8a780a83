"""Large files into stores that speak S3, in parts, taken up where an earlier try was cut off.

The store itself remembers what came: parts of an unfinished upload of the same key are used again where they are the
same bytes. Nothing is kept on this side. What is not to be taken up is taken back, so that no parts stay behind.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from xml.sax.saxutils import escape

from storage.connections import Connections, Meter
from storage.faults import TransferStopped
from storage.file_piece import FilePiece
from storage.lanes import NEVER, Lanes, StopSign
from storage.s3_wire import S3Refused, S3Unreachable, S3Wire
from storage.sums import SUM_NAME, Count, FileSum, looks_like_md5

MIB = 1024 * 1024
_SMALLEST_PART_BYTES = 5 * MIB
_USUAL_PART_BYTES = 8 * MIB
_MOST_PARTS = 9_000
_FEWEST_AT_ONCE = 3
_MOST_AT_ONCE = 8
# Of an upload that breaks off, what was under way is sent again: this share of the parts at most, where there are many.
_SHARE_AT_ONCE = 24
_RESTARTS = 3
_TRIES_TO_ABORT = 3
# An upload in which nothing happened for so long has no writer any more.
_DEAD_AFTER = timedelta(hours=1)
_GONE = ("NoSuchUpload", "404")
_WRONG_PARTS = ("InvalidPart", "InvalidPartOrder", "EntityTooSmall")


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeFile:
    """A file to be put.

    Shape: `source` is a descriptor of a regular file, whose position does not matter; `part_sums` are the SHA-256 of
    its first parts in hexadecimal digits, as far as they are known.
    """

    key: str
    source: int
    content: FileSum
    part_sums: tuple[str, ...] = ()

    @property
    def part_bytes(self) -> int:
        """The size of every part but the last."""
        return part_bytes_of(self.content.size)

    @property
    def parts(self) -> range:
        """The numbers of the parts."""
        return range(1, -(-self.content.size // self.part_bytes) + 1)

    @property
    def parts_at_once(self) -> int:
        """How many parts are under way at a time where no more pay. They are in no memory of ours."""
        return min(max(len(self.parts) // _SHARE_AT_ONCE, _FEWEST_AT_ONCE), _MOST_AT_ONCE)

    @property
    def most_at_once(self) -> int:
        """How many there are where still more pay: half of what is sent is never under way."""
        return max(len(self.parts) // 2, self.parts_at_once)

    def size_of(self, number: int) -> int:
        """How many bytes a part has."""
        return min(self.part_bytes, self.content.size - (number - 1) * self.part_bytes)

    def part(self, number: int) -> FilePiece:
        """The bytes of a part."""
        start = (number - 1) * self.part_bytes
        return FilePiece(name=self.key, source=self.source, start=start, size=self.size_of(number))


def part_bytes_of(size: int) -> int:
    """How large the parts of a file are, the same whenever the same file is sent. Units: bytes."""
    usual = min(max(size // 64 // MIB * MIB, _SMALLEST_PART_BYTES), _USUAL_PART_BYTES)
    return max(usual, -(-size // _MOST_PARTS))


def unfinished_uploads(wire: S3Wire, key: str, stopped: StopSign, meter: Meter, tries: int | None = None) -> list[str]:
    """The uploads in parts of an object that are neither completed nor taken back. Errors: as `S3Wire.ask`."""
    query = {"uploads": "", "prefix": key}
    try:
        answer = wire.ask("GET", "", query, stopped, tries=tries, meter=meter)
    except S3Refused:
        # Not everybody may look for them, and not every store can.
        return []
    found = [(entry.findtext("Key"), entry.findtext("UploadId")) for entry in answer.document().iter("Upload")]
    return [upload for name, upload in found if upload and name == key]


@dataclass(frozen=True, slots=True)
class _Part:
    etag: str
    size: int
    at: datetime


@dataclass(slots=True)
class MultipartPut:
    """Puts one large file.

    Shape: `keeps_parts` leaves what came so far in the store where it cannot be finished; `connections` are those that
    parts go by; `begun` holds the uploads that were begun for the file, also by earlier tries, and is added to;
    `unfinished` are those that the store has of the key, None where it was not asked yet.
    """

    wire: S3Wire
    file: LargeFile
    stopped: StopSign
    count: Count
    keeps_parts: bool = False
    connections: Connections = field(default_factory=lambda: Connections(_MOST_AT_ONCE))
    begun: set[str] = field(default_factory=set)
    unfinished: Sequence[str] | None = None
    _tags: dict[int, str] = field(default_factory=dict)
    _repeated: int = 0

    def put(self) -> None:
        """Have the object in the store. Errors: S3Refused; S3Unreachable; StoreError; OSError; TransferStopped."""
        self._repeated = self.wire.repeated
        for number in range(1, _RESTARTS + 1):
            upload = self._taken_up(self.unfinished if number == 1 else None) or self._begin()
            try:
                self._fill(upload)
                self._complete(upload)
                self._sweep(upload)
                return
            except S3Refused as refused:
                if refused.code not in _GONE:
                    self._give_up(upload)
                    raise
                # Completed after all, its answer lost; or ended by somebody else.
                if self._is_there():
                    self._sweep(upload)
                    return
                if number == _RESTARTS:
                    raise
                self._start_over()
            except BaseException:
                self._give_up(upload)
                raise
        raise AssertionError("the last try returns or raises")

    def _begin(self) -> str:
        headers = {f"x-amz-meta-{SUM_NAME}": self.file.content.sha256}
        answer = self.wire.ask(
            "POST", self.file.key, {"uploads": ""}, self.stopped, headers=headers, meter=self.connections
        )
        upload = answer.document().findtext("UploadId")
        if not upload:
            raise S3Unreachable("expected an UploadId, got none")
        self.begun.add(upload)
        return upload

    def _fill(self, upload: str) -> None:
        with Lanes(self.file.parts_at_once, self.stopped, self.connections, self.file.most_at_once) as lanes:
            for number in self.file.parts:
                if number not in self._tags:
                    lanes.run(partial(self._send, upload, number, lanes))

    def _send(self, upload: str, number: int, stopped: StopSign) -> None:
        if stopped.is_set():
            raise TransferStopped
        query = {"partNumber": str(number), "uploadId": upload}
        body = self.file.part(number)
        known = self.file.part_sums[number - 1] if number <= len(self.file.part_sums) else None
        with self.connections.moving(len(body)):
            answer = self.wire.ask(
                "PUT",
                self.file.key,
                query,
                stopped,
                body=body,
                body_sha256=known,
                meter=self.connections,
                # What is under way when another part fails is worth having the next time.
                cuts_body=self.stopped,
            )
        self._tags[number] = answer.headers.get("etag", "")
        self.count(len(body))

    def _complete(self, upload: str) -> None:
        try:
            self._ask_to_complete(upload, self._tags)
        except S3Refused as refused:
            if refused.code not in _WRONG_PARTS:
                raise
            # The tags that were answered are not those that the store has; what it has is what counts.
            listed = self._listed(upload)
            if any(listed.get(number) is None for number in self.file.parts):
                raise
            self._ask_to_complete(upload, {number: listed[number].etag for number in self.file.parts})

    def _ask_to_complete(self, upload: str, tags: Mapping[int, str]) -> None:
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(tags[number])}</ETag></Part>"
            for number in self.file.parts
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        answer = self.wire.ask("POST", self.file.key, {"uploadId": upload}, self.stopped, body=body)
        document = answer.document()
        # It may say 200 first and find out afterwards that it cannot.
        if document.tag == "Error":
            raise S3Refused(document.findtext("Code") or "InternalError", document.findtext("Message") or "")

    def _is_there(self) -> bool:
        try:
            answer = self.wire.ask("HEAD", self.file.key, {}, self.stopped)
        except S3Refused:
            return False
        size, content = answer.headers.get("content-length"), self.file.content
        return size == str(content.size) and answer.headers.get(f"x-amz-meta-{SUM_NAME}") == content.sha256

    def _taken_up(self, known: Sequence[str] | None) -> str | None:
        """An unfinished upload of this very file, its parts noted; those that nobody goes on with are taken back."""
        for upload in self._unfinished() if known is None else known:
            try:
                listed = self._listed(upload)
            except S3Refused:
                continue
            if same := self._same(listed):
                self._tags = same
                self.count(sum(listed[number].size for number in same))
                return upload
            # One that has no parts yet may have been begun this moment.
            if listed and max(part.at for part in listed.values()) < datetime.now(UTC) - _DEAD_AFTER:
                self._abort(upload)
        return None

    def _unfinished(self, tries: int | None = None) -> list[str]:
        return unfinished_uploads(self.wire, self.file.key, self.stopped, self.connections, tries)

    def _listed(self, upload: str) -> dict[int, _Part]:
        found: dict[int, _Part] = {}
        marker = "0"
        while True:
            query = {"uploadId": upload, "part-number-marker": marker}
            document = self.wire.ask("GET", self.file.key, query, self.stopped).document()
            for entry in document.iter("Part"):
                tag, size = entry.findtext("ETag") or "", int(entry.findtext("Size") or 0)
                number = int(entry.findtext("PartNumber") or 0)
                found[number] = _Part(tag, size, _moment(entry.findtext("LastModified")))
            following = document.findtext("NextPartNumberMarker") or ""
            if document.findtext("IsTruncated") != "true" or following in ("", marker):
                return found
            marker = following

    def _same(self, listed: Mapping[int, _Part]) -> dict[int, str]:
        """Those parts of a list whose bytes are the file's; none where the store's tags are no sums."""
        same: dict[int, str] = {}
        for number in self.file.parts:
            part = listed.get(number)
            if part is None or not looks_like_md5(part.etag):
                continue
            wanted = self.file.part(number)
            if part.size != len(wanted):
                continue
            digest = wanted.add_to(hashlib.md5(usedforsecurity=False), self.stopped)
            if part.etag.strip('"').lower() == digest:
                same[number] = part.etag
        return same

    def _give_up(self, upload: str) -> None:
        if not self.keeps_parts:
            self._abort(upload)
            self._sweep(upload)

    def _sweep(self, upload: str) -> None:
        """Take back what else was begun for the file: by another try, or by a request whose answer was lost."""
        ours = self.begun - {upload}
        if not ours and self.wire.repeated == self._repeated:
            return
        with suppress(S3Refused, S3Unreachable, TransferStopped):
            for other in self._unfinished(_TRIES_TO_ABORT):
                # One without parts that is another writer's is begun anew by him.
                if other != upload and (other in ours or not self._listed(other)):
                    self._abort(other)

    def _abort(self, upload: str) -> None:
        """Take an upload back, also after the sign to stop, and as long as the store does not answer for bad."""
        with suppress(S3Refused, S3Unreachable):
            self.wire.ask("DELETE", self.file.key, {"uploadId": upload}, NEVER, tries=_TRIES_TO_ABORT)

    def _start_over(self) -> None:
        self.count(-sum(self.file.size_of(number) for number in self._tags))
        self._tags = {}


def _moment(text: str | None) -> datetime:
    try:
        return datetime.fromisoformat(text or "").astimezone(UTC)
    except ValueError:
        return datetime.now(UTC)
