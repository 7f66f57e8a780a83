"""Events of a watch that wait to be decoded, still as bytes.

An event shows its object whole, so of the events of one object that wait together only the last one counts: of a busy
cluster most events are never decoded. What the order of events tells beyond that is kept: an event with which an object
enters another stage (its program ended, it is gone) stands where it came, and neither takes the place of one of
another stage nor gives up its own.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

Stage = Callable[[bytes], bytes]
"""The stage that an event shows, by a look at its bytes; b"" where nothing is told by it."""

_CROWD = 4_000
_CROWD_BYTES = 32 * 1024 * 1024
_GONE = b"gone"


def all_alike(_line: bytes) -> bytes:
    """The stage of objects in which only the last state matters."""
    return b""


def pod_stage(line: bytes) -> bytes:
    """Whether the program of a pod, or the pod, has ended, why it does not begin, and whether it is to go.

    Each may be an end of an attempt, and what a group makes of several ends depends on their order.
    """
    status = max(line.rfind(_STATUS), 0)
    if line.find(_MAIN_ENDED, status) >= 0 or _POD_ENDED.match(line, status) is not None:
        return b"ended"
    stage = b"deleting" if line.find(_DELETING, 0, _HEAD_BYTES) >= 0 else b""
    if line.find(_WAITING, status) < 0:
        return stage
    return b" ".join([stage, *(reason for reason in _REASONS.findall(line, status) if reason not in _HARMLESS)])


@dataclass(frozen=True, slots=True)
class Taken:
    """An event that waits now. Shape: `first` where nothing waited before; `crowded` where too much does."""

    version: str
    first: bool
    crowded: bool


class WaitingEvents:
    """Safe from any thread."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._lock = threading.Lock()
        self._lines: dict[tuple[bytes, bytes], bytes] = {}
        self._bytes = 0
        self._superseded = 0

    def put(self, line: bytes) -> Taken | None:
        """Take an event; None for one that is to be looked at by itself: no event of an object, or an odd one."""
        heading = _heading(line)
        if heading is None:
            return None
        type_, uid, version = heading
        key = (uid, _GONE if type_ == b"DELETED" else self._stage(line))
        with self._lock:
            first = not self._lines
            before = self._lines.get(key)
            if before is not None:
                self._bytes -= len(before)
                self._superseded += 1
            self._lines[key] = line
            self._bytes += len(line)
            return Taken(
                version=version.decode(),
                first=first,
                crowded=self._bytes > _CROWD_BYTES or len(self._lines) > _CROWD,
            )

    def take(self) -> tuple[Sequence[bytes], int]:
        """All that waits, in order, which waits no more; and how many events that are in it say no more."""
        with self._lock:
            lines, superseded = self._lines, self._superseded
            self._lines, self._bytes, self._superseded = {}, 0, 0
        return tuple(lines.values()), superseded


class _Meta(msgspec.Struct, frozen=True):
    uid: str = ""
    version: str = msgspec.field(default="", name="resourceVersion")


class _Object(msgspec.Struct, frozen=True):
    metadata: _Meta = _Meta()


class _Event(msgspec.Struct, frozen=True):
    type: str
    object: _Object


_EVENT = msgspec.json.Decoder(_Event)
_TYPES = frozenset({"ADDED", "MODIFIED", "DELETED"})
# The order in which the API server writes the fields of its own kinds, and the alphabet, in which it writes those of
# others; where it is another one, JSON is read. No text of a user can look like this: its quotes would be escaped.
_OWN_KIND = re.compile(
    rb'\{"type":"(ADDED|MODIFIED|DELETED)","object":\{"kind":"\w+","apiVersion":"[\w./]+","metadata":\{'
    rb'"name":"[^"\\]*",(?:"generateName":"[^"\\]*",)?(?:"namespace":"[^"\\]*",)?'
    rb'"uid":"([^"\\]+)","resourceVersion":"(\d+)"'
)
_OTHER_KIND = re.compile(
    rb'\{"type":"(ADDED|MODIFIED|DELETED)","object":\{"apiVersion":"[\w./]+","kind":"\w+","metadata":\{'
)
_IDENTITY = re.compile(rb'"resourceVersion":"(\d+)","uid":"([^"\\]+)"\},"spec":')
_STATUS = b'"status":{'
_MAIN_ENDED = b'"name":"main","state":{"terminated"'
_DELETING = b'"deletionTimestamp":"'
# It stands behind names and ids, of which the longest together are shorter.
_HEAD_BYTES = 2_000
_WAITING = b'"waiting":{"reason":"'
_REASONS = re.compile(rb'"waiting":\{"reason":"(\w+)"')
_HARMLESS = frozenset({b"PodInitializing", b"ContainerCreating"})
_POD_ENDED = re.compile(rb'"status":\{(?:"observedGeneration":\d+,)?"phase":"(?:Succeeded|Failed)"')


def _heading(line: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Type, uid and resource version."""
    if found := _OWN_KIND.match(line):
        return found[1], found[2], found[3]
    if (found := _OTHER_KIND.match(line)) and (identity := _IDENTITY.search(line)):
        return found[1], identity[2], identity[1]
    try:
        event = _EVENT.decode(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    meta = event.object.metadata
    if event.type not in _TYPES or not meta.uid or not meta.version:
        return None
    return event.type.encode(), meta.uid.encode(), meta.version.encode()
