"""From the bytes of lists and watches to an observer: each object decoded once, and what cannot be read set apart.

Events of a watch wait until somebody flushes the feed; of those of one object that wait together, what a later one
says again is never decoded (see `waiting_events`). Whatever the server sends, one object never stops the others: an
object that cannot be decoded, or that the observer cannot bear, is counted, logged once for each of its versions, and
left out.
"""

from __future__ import annotations

import re
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import msgspec
import structlog

from gateway.runners.argo.client import fault_of
from gateway.runners.argo.faults import ClusterError, Expired, TryAgain
from gateway.runners.argo.waiting_events import Stage, WaitingEvents, all_alike

_REMEMBERED = 1000
_SHOWN_BYTES = 200

_log = structlog.get_logger(__name__)


class SeenMeta(Protocol):
    """What every object's metadata has."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def resource_version(self) -> str:
        """Which version of it this is."""


class Seen(Protocol):
    """What every object has."""

    @property
    def metadata(self) -> SeenMeta:
        """Its metadata."""


_Object = TypeVar("_Object", bound=Seen)
_Heard = TypeVar("_Heard", contravariant=True)


class Observer(Protocol[_Heard]):
    """Hears of objects, in the order in which things happened. Never called by two threads at once."""

    def seen(self, one: _Heard) -> None:
        """This is an object now, new or changed."""

    def deleted(self, one: _Heard) -> None:
        """This was the last of an object."""

    def listing(self) -> None:
        """All objects that exist are told next, then `listed`; or it broke off, and `listing` comes again."""

    def listed(self, names: Collection[str], version: str) -> None:
        """These are all objects that existed at the resource version; what else was known of that time is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a list. Shape: `more` is the token for the next one, "" for the last."""

    names: Sequence[str]
    version: str
    more: str


class AnyFeed(Protocol):
    """A feed, whatever its objects are."""

    @property
    def counts(self) -> Counter[str]:
        """Figures for metrics: events, bookmarks, superseded, unreadable and, among those, no event."""

    def listing(self) -> None:
        """A list begins."""

    def listed(self, names: Collection[str], version: str) -> None:
        """A list was told to its end."""

    def page(self, data: bytes) -> Page:
        """Tell what is on one page of a list. Errors: TryAgain where it is no list."""

    def event(self, line: bytes) -> str:
        """Take one event of a watch; the resource version that it reaches, "" where it says none.

        Errors: ClusterError as the server says it; Expired where it is no event.
        """

    def flush(self) -> None:
        """Tell what waits."""


class Feed(Generic[_Object]):
    """Implements `AnyFeed` for objects of one kind at `path`.

    Shape: `wake` is called when something waits and nothing did before; whoever it wakes calls `flush`. `await_beat`
    returns when that was done: it is called, holding nothing, where much has come.
    """

    def __init__(
        self,
        path: str,
        of: type[_Object],
        observer: Observer[_Object],
        wake: Callable[[], None],
        await_beat: Callable[[], None],
        stage: Stage = all_alike,
    ) -> None:
        self._path = path
        self._observer = observer
        self._wake = wake
        self._await_beat = await_beat
        self._waiting = WaitingEvents(stage)
        # Held while the observer is told anything.
        self._telling = threading.RLock()
        self._objects: msgspec.json.Decoder[_Object] = msgspec.json.Decoder(of)
        self._events: msgspec.json.Decoder[_Event[_Object]] = msgspec.json.Decoder(_Event[of])  # type: ignore[valid-type]
        self._unreadable: OrderedDict[tuple[str, str], None] = OrderedDict()
        self.counts: Counter[str] = Counter()

    def listing(self) -> None:
        """A list begins."""
        with self._telling:
            self.flush()
            self._observer.listing()

    def listed(self, names: Collection[str], version: str) -> None:
        """A list was told to its end."""
        with self._telling:
            self._observer.listed(names, version)

    def page(self, data: bytes) -> Page:
        """Tell what is on one page of a list."""
        names: list[str] = []
        try:
            listed = _LIST.decode(data)
            items: Iterator[bytes] = (bytes(item) for item in listed.items or ())
        except _UNREADABLE as error:
            # One object may be nested deeper than can be followed; the others are read all the same.
            listed = _heading(data, error)
            items = _items(data)
        for item in items:
            try:
                one = self._objects.decode(item)
            except _UNREADABLE as error:
                name, version = _identity(item)
                self._bear(error, name, version, item)
            else:
                name = one.metadata.name
                with self._telling:
                    self._tell(self._observer.seen, one, item)
            names.append(name)
        self._await_beat()
        return Page(names=names, version=listed.metadata.resource_version, more=listed.metadata.continue_)

    def event(self, line: bytes) -> str:
        """Take one event of a watch."""
        taken = self._waiting.put(line)
        if taken is None:
            with self._telling:
                self.flush()
                return self._event_now(line)
        self.counts["events"] += 1
        if taken.crowded:
            self._await_beat()
        elif taken.first:
            self._wake()
        return taken.version

    def flush(self) -> None:
        """Tell what waits."""
        with self._telling:
            lines, superseded = self._waiting.take()
            self.counts["superseded"] += superseded
            for line in lines:
                self._tell_event(line)

    def _tell_event(self, line: bytes) -> None:
        try:
            event = self._events.decode(line)
        except _UNREADABLE as error:
            self._bear(error, *_identity_in(line), line)
        else:
            self._tell_of(event, line)

    def _tell_of(self, event: _Event[_Object], line: bytes) -> None:
        told = self._observer.deleted if event.type == "DELETED" else self._observer.seen
        self._tell(told, event.object, line)

    def _event_now(self, line: bytes) -> str:
        """Tell an event that is none of an object, or not one that can be read at a glance."""
        try:
            event = self._events.decode(line)
        except _UNREADABLE as error:
            return self._odd_event(line, error)
        match event.type:
            case "ADDED" | "MODIFIED" | "DELETED":
                self.counts["events"] += 1
                self._tell_of(event, line)
            case "BOOKMARK":
                self.counts["bookmarks"] += 1
            case "ERROR":
                raise _error(line)
            case _:
                return ""
        return event.object.metadata.resource_version

    def _odd_event(self, line: bytes, error: Exception) -> str:
        """What an event means whose object is not one of the kind; the version that it reaches."""
        try:
            event = _RAW_EVENT.decode(line)
        except RecursionError:
            # Nested deeper than can be followed, so that nothing of it can be told; what comes next can.
            self._bear(error, "", "", line)
            return ""
        except _UNREADABLE as odd:
            # Not even an event: what follows on this stream cannot be trusted.
            self.counts["unreadable"] += 1
            self.counts["no event"] += 1
            raise Expired("The stream held something that is no event.") from odd
        if event.type == "ERROR":
            raise _error(line)
        name, version = _identity(bytes(event.object))
        if event.type == "BOOKMARK":
            self.counts["bookmarks"] += 1
        else:
            self.counts["events"] += 1
            self._bear(error, name, version, line)
        return version

    def _tell(self, told: Callable[[_Object], None], one: _Object, data: bytes) -> None:
        try:
            told(one)
        except Exception as error:  # noqa: BLE001
            self._bear(error, one.metadata.name, one.metadata.resource_version, data)

    def _bear(self, error: Exception, name: str, version: str, data: bytes) -> None:
        """Count an object that is left out, and log it unless that was done."""
        key = (name, version)
        if key != ("", "") and key in self._unreadable:
            return
        self._unreadable[key] = None
        while len(self._unreadable) > _REMEMBERED:
            self._unreadable.popitem(last=False)
        self.counts["unreadable"] += 1
        _log.error(
            "object not readable",
            path=self._path,
            name=name,
            version=version,
            reason=f"{type(error).__name__}: {error}",
            data=data[:_SHOWN_BYTES],
        )


class _Event(msgspec.Struct, Generic[_Object], frozen=True):
    type: str
    object: _Object


class _RawEvent(msgspec.Struct, frozen=True):
    type: str
    object: msgspec.Raw


class _ListMeta(msgspec.Struct, frozen=True):
    resource_version: str = msgspec.field(default="", name="resourceVersion")
    continue_: str = msgspec.field(default="", name="continue")


class _List(msgspec.Struct, frozen=True):
    metadata: _ListMeta = _ListMeta()
    items: list[msgspec.Raw] | None = None


class _Named(msgspec.Struct, frozen=True):
    name: str = ""
    resource_version: str = msgspec.field(default="", name="resourceVersion")


class _Any(msgspec.Struct, frozen=True):
    metadata: _Named = _Named()


class _Status(msgspec.Struct, frozen=True):
    code: int = 500


class _ErrorEvent(msgspec.Struct, frozen=True):
    object: msgspec.Raw


# The last two: text that is no UTF-8, and arrays in arrays without end.
_UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)
_RAW_EVENT = msgspec.json.Decoder(_RawEvent)
_ERROR_EVENT = msgspec.json.Decoder(_ErrorEvent)
_LIST = msgspec.json.Decoder(_List)
_ANY = msgspec.json.Decoder(_Any)
_STATUS = msgspec.json.Decoder(_Status)
_LIST_META = msgspec.json.Decoder(_ListMeta)
_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


def _identity(data: bytes) -> tuple[str, str]:
    """Name and resource version of an object of which nothing else can be read, "" where they cannot either."""
    try:
        meta = _ANY.decode(data).metadata
    except _UNREADABLE:
        return "", ""
    return meta.name, meta.resource_version


def _identity_in(line: bytes) -> tuple[str, str]:
    """The same for the object of an event."""
    try:
        return _identity(bytes(_RAW_EVENT.decode(line).object))
    except _UNREADABLE:
        return "", ""


def _heading(data: bytes, error: Exception) -> _List:
    """A list without its items. Errors: TryAgain where it is none."""
    found = next((part for key, part in _parts(data, 1) if key == b'"metadata"'), b"")
    try:
        return _List(metadata=_LIST_META.decode(found))
    except _UNREADABLE:
        raise TryAgain("The server sent a list that cannot be read.") from error


def _items(data: bytes) -> Iterator[bytes]:
    """The items of a list, found by their brackets alone."""
    items = next((part for key, part in _parts(data, 1) if key == b'"items"'), b"")
    return (part for _, part in _parts(items, 1))


def _parts(data: bytes, depth: int) -> Iterator[tuple[bytes, bytes]]:
    """What stands in brackets at a depth, with the text before it, which is its key in a map."""
    level, begin, last = 0, 0, b""
    for token in _TOKENS.finditer(data):
        text = token.group()
        if text in (b"{", b"["):
            if level == depth:
                begin = token.start()
            level += 1
        elif text in (b"}", b"]"):
            level -= 1
            if level == depth:
                yield last, data[begin : token.end()]
        elif level == depth:
            last = text


def _error(line: bytes) -> ClusterError:
    try:
        data = bytes(_ERROR_EVENT.decode(line).object)
        code = _STATUS.decode(data).code
    except _UNREADABLE:
        data, code = b"", 500
    return fault_of(code, data)
