"""From the bytes of a container's log to lines: stamped, resumed without gap or doubling, Argo's own left out.

Source: argo-verified.md §8.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, quote_plus

from engine.log_lines import LineSplitter, Masker

_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z ?")
_ARGO = re.compile(rb"time=\S+ level=[A-Z]+ msg=.* argo=true( |$)")
_ARGO_LAST = re.compile(rb"Error: exit status \d+\Z")
_MIN_BASE64 = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a log was read: the newest stamp as the server wrote it, and how many lines with it were taken."""

    stamp: str = ""
    lines: int = 0


class LogReader:
    """Takes the bytes of one container's log, read with timestamps from `position` on."""

    def __init__(self, masker: Masker, position: Position | None = None) -> None:
        self._splitter = LineSplitter(masker)
        self._position = position or Position()
        self._rest = b""
        self._to_skip = self._position.lines
        self._is_catching_up = bool(self._position.stamp)
        self._held: tuple[datetime, bytes] | None = None

    @property
    def position(self) -> Position:
        """How far it was read."""
        return self._position

    def reopened(self) -> None:
        """The log is read again from the position on: a line that was cut off comes again, whole."""
        self._rest = b""
        self._to_skip = self._position.lines
        self._is_catching_up = bool(self._position.stamp)

    def feed(self, data: bytes) -> Iterator[tuple[datetime, str]]:
        """The lines that are complete now, with the times at which they were written (naive UTC)."""
        *complete, self._rest = (self._rest + data).split(b"\n")
        for line in complete:
            yield from self._taken(line)

    def finish(self) -> Iterator[tuple[datetime, str]]:
        """What is left at the container's end. A last line of Argo's own about the exit code is dropped."""
        if self._rest:
            yield from self._taken(self._rest)
            self._rest = b""
        if self._held is not None and not _ARGO_LAST.match(self._held[1]):
            yield from self._texts(*self._held)
        self._held = None

    def _taken(self, line: bytes) -> Iterator[tuple[datetime, str]]:
        match = _STAMP.match(line)
        if match is None:
            # The server speaks itself ("unable to retrieve container logs"); it is not the program's.
            return
        stamp = match.group(0).decode().rstrip()
        if self._is_catching_up:
            if self._came_before(stamp):
                return
            self._is_catching_up = False
        if stamp == self._position.stamp:
            self._position = Position(stamp=stamp, lines=self._position.lines + 1)
        else:
            self._position, self._to_skip = Position(stamp=stamp, lines=1), 0
        at = datetime.fromisoformat(match.group(1).decode())
        micros = (match.group(2) or b"0").ljust(6, b"0")[:6]
        text = line[match.end() :]
        if _ARGO.match(text):
            return
        if self._held is not None:
            held, self._held = self._held, None
            yield from self._texts(*held)
        when = at.replace(microsecond=int(micros))
        if _ARGO_LAST.match(text):
            self._held = (when, text)
            return
        yield from self._texts(when, text)

    def _came_before(self, stamp: str) -> bool:
        """Whether a line was taken already: servers cut `sinceTime` to whole seconds, so all of that second come."""
        if stamp == self._position.stamp and self._to_skip > 0:
            self._to_skip -= 1
            return True
        return _sortable(stamp) < _sortable(self._position.stamp)

    def _texts(self, at: datetime, text: bytes) -> Iterator[tuple[datetime, str]]:
        for one in self._splitter.feed(text + b"\n", 0.0):
            yield at, one


def _sortable(stamp: str) -> tuple[str, str]:
    """A stamp so that it compares as its time does: zeros at the end of a fraction may be left out."""
    seconds, _, fraction = stamp.rstrip("Z").partition(".")
    return seconds, fraction.ljust(9, "0")


def masker_of(secrets: Iterable[str]) -> Masker:
    """Masks secrets in every form in which programs usually print them: raw, base64, URL-encoded, JSON-escaped."""
    return Masker(form for secret in secrets for form in _forms(secret))


def _forms(secret: str) -> Iterator[str]:
    yield secret
    for line in (secret, *secret.splitlines()):
        # Shorter ones are no secrets (`engine.log_lines`), and their encodings would not be either.
        if len(line) < _MIN_BASE64:
            continue
        yield json.dumps(line)[1:-1]
        yield json.dumps(line, ensure_ascii=False)[1:-1]
        yield quote(line, safe="")
        yield quote(line)
        yield quote_plus(line)
        yield from _base64_forms(line.encode("utf-8", "surrogateescape"))


def _base64_forms(value: bytes) -> Iterator[str]:
    """The value in base64, also within something longer: at each of the three places where it may begin."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(value).decode()
        for offset in range(3):
            text = encode(b"\0" * offset + value).decode().rstrip("=")
            # The first and last characters mix with what stands beside it.
            first = -(-offset * 8 // 6)
            last = (offset + len(value)) * 8 // 6
            if last - first >= _MIN_BASE64:
                yield text[first:last]
