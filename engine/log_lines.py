"""From what a program writes to log lines: split, decoded, masked. Source: workflow-spec.md §8.4.

A line ends with a newline. Carriage returns act as on a terminal: what stands before one is overwritten, so a progress
bar leaves its last state; while no newline comes it is shown every few seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from engine.secret_forms import MIN_SECRET_LENGTH, secret_forms

MAX_LINE_BYTES = 32 * 1024
MASK = b"[MASKED]"
PROGRESS_SECONDS = 5.0


class Masker:
    """Replaces secret values in bytes, in all their usual forms; values shorter than 8 characters are no secrets."""

    def __init__(self, secrets: Iterable[str]) -> None:
        # What follows from them is worked out for the first line: most runs wait long before they write one.
        self._secrets = tuple(secrets)

    @cached_property
    def longest(self) -> int:
        """The bytes of the longest form."""
        return len(self._ordered[0]) if self._ordered else 0

    @cached_property
    def _ordered(self) -> Sequence[bytes]:
        forms = (form for secret in self._secrets for form in secret_forms(secret))
        values = {line for form in forms for line in _lines_of(form) if len(line) >= MIN_SECRET_LENGTH}
        encoded = {value.encode("utf-8", "surrogateescape") for value in values}
        # The longest first: one secret may begin with another.
        return sorted(encoded, key=lambda value: (-len(value), value))

    @cached_property
    def _pattern(self) -> re.Pattern[bytes] | None:
        return re.compile(b"|".join(map(re.escape, self._ordered))) if self._ordered else None

    def masked(self, data: bytes) -> bytes:
        """The data without secrets."""
        return data if self._pattern is None else self._pattern.sub(MASK, data)

    def open_end(self, data: bytes) -> int:
        """How many bytes at the end of `data` may be the beginning of a secret."""
        for length in range(min(self.longest - 1, len(data)), 0, -1):
            tail = data[-length:]
            if any(secret.startswith(tail) for secret in self._ordered):
                return length
        return 0


class LineSplitter:
    """Takes the bytes of one stream and gives its lines; a line above 32 KiB comes in pieces."""

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._rest = b""
        self._shown_at: float | None = None

    def feed(self, data: bytes, now_seconds: float) -> list[str]:
        """The lines that are complete now, without their ends. Units: seconds of any clock that does not go back."""
        *complete, self._rest = (self._rest + data).split(b"\n")
        lines = [text for line in complete for text in self._texts(line)]
        lines += self._overlong()
        if lines or self._shown_at is None:
            self._shown_at = now_seconds
        elif b"\r" in self._rest and now_seconds - self._shown_at >= PROGRESS_SECONDS:
            self._shown_at = now_seconds
            lines += self._progress()
        return lines

    def finish(self) -> list[str]:
        """What is left at the end of the stream."""
        rest, self._rest = self._rest, b""
        return list(self._texts(rest)) if rest else []

    def _texts(self, line: bytes) -> Iterator[str]:
        return _pieces(self._masker.masked(_overwritten(line)))

    def _overlong(self) -> list[str]:
        if len(self._rest) <= MAX_LINE_BYTES + self._masker.longest:
            return []
        self._rest = self._rest[self._rest.rstrip(b"\r").rfind(b"\r") + 1 :]
        if len(self._rest) <= MAX_LINE_BYTES + self._masker.longest:
            return []
        # Neither a secret nor a character may be cut in two, so that both are still recognised.
        whole = len(self._rest) - self._masker.open_end(self._rest)
        ready = whole - whole % MAX_LINE_BYTES if not self._masker.longest else whole
        ready = _character_start(self._rest, ready)
        head, self._rest = self._rest[:ready], self._rest[ready:]
        return list(_pieces(self._masker.masked(head)))

    def _progress(self) -> list[str]:
        # A carriage return at the end may belong to a newline that is still to come.
        ended = self._rest.rstrip(b"\r").rfind(b"\r")
        if ended < 0:
            return []
        state, self._rest = self._rest[:ended], self._rest[ended + 1 :]
        return list(self._texts(state)) if state else []


def _overwritten(line: bytes) -> bytes:
    """What a terminal would show of a line with carriage returns."""
    line = line.rstrip(b"\r")
    return line[line.rfind(b"\r") + 1 :]


def _pieces(line: bytes) -> Iterator[str]:
    while len(line) > MAX_LINE_BYTES:
        cut = _character_start(line, MAX_LINE_BYTES)
        yield _decoded(line[:cut])
        line = line[cut:]
    yield _decoded(line)


def _character_start(data: bytes, at: int) -> int:
    """The place at or before `at` where no character of UTF-8 is cut in two; `at` where the bytes are none."""
    for place in range(at - 1, max(at - 5, -1), -1):
        byte = data[place]
        if byte & 0xC0 == 0x80:
            continue
        length = 1 if byte < 0xC0 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
        return place if place + length > at else at
    return at


def _decoded(line: bytes) -> str:
    # A NUL cannot be stored as text by every database.
    return line.decode("utf-8", "replace").replace("\0", "\ufffd")


def _lines_of(secret: str) -> list[str]:
    # Logs are masked line by line, so a secret of several lines is several secrets.
    return [part.strip("\r") for part in secret.split("\n")]
