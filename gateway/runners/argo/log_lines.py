"""From the bytes of a container's log to lines: stamped, resumed without gap or doubling, Argo's own left out.

Source: argo-verified.md §8.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from engine.log_lines import LineSplitter, Masker

_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z ?")
_ARGO = re.compile(rb"time=\S+ level=[A-Z]+ msg=.* argo=true( |$)")
_ARGO_LAST = re.compile(rb"Error: exit status \d+\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a log was given out: the newest time of its lines, and how many of them had it; `at` None: none was.

    It is what the lines that were kept say themselves (`gateway.ports.logs.LogEnd`), so it needs no keeping.
    """

    at: datetime | None = None
    lines: int = 0

    @property
    def since(self) -> str:
        """From when on to read, as the server is asked; "" for all. It would cut a fraction of a second anyhow."""
        return self.at.strftime("%Y-%m-%dT%H:%M:%SZ") if self.at is not None else ""


class LogReader:
    """Takes the bytes of one container's log, read with timestamps from `position` on."""

    def __init__(self, masker: Masker, position: Position | None = None) -> None:
        self._splitter = LineSplitter(masker)
        self._position = position or Position()
        self._held: tuple[datetime, bytes] | None = None
        self.reopened()

    @property
    def position(self) -> Position:
        """How far it was read."""
        return self._position

    def reopened(self) -> None:
        """The log is read again from the position on: a line that was cut off or held back comes again, whole."""
        self._rest = b""
        self._held = None
        self._to_skip = self._position.lines
        self._is_catching_up = self._position.at is not None

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

    def _texts(self, at: datetime, text: bytes) -> Iterator[tuple[datetime, str]]:
        for one in self._splitter.feed(text + b"\n", 0.0):
            if self._came_before(at):
                continue
            known = self._position
            if known.at is None or at > known.at:
                self._position = Position(at=at, lines=1)
            elif at == known.at:
                self._position = Position(at=at, lines=known.lines + 1)
            yield at, one

    def _came_before(self, at: datetime) -> bool:
        """Whether a line was given out already: servers cut `sinceTime` to whole seconds, so all of that second come.

        Lines are counted as they were given out, one by one: what is cut, masked or left out is so each time.
        """
        known = self._position.at
        if not self._is_catching_up or known is None:
            return False
        if at == known and self._to_skip > 0:
            self._to_skip -= 1
            return True
        self._is_catching_up = at < known
        return self._is_catching_up
