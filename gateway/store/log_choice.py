"""Which lines a LogQuery chooses, without its `last_n_lines`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice

import regex

from engine.ports import LogLine
from gateway.ports.faults import BadPattern
from gateway.ports.log_format import line_text
from gateway.ports.logs import LogQuery
from gateway.ports.runs import Segment
from gateway.store.log_records import decoded, mark_of, records_of

_PATTERN_LENGTH = 1000
# An ordinary search takes microseconds; only a pattern that backtracks without end gets here.
_SEARCH_SECONDS = 0.5


class Choice:
    """A compiled LogQuery. Errors: BadPattern."""

    def __init__(self, query: LogQuery) -> None:
        self._task = query.task
        self._retry_id = query.retry_id
        self._mark = b"" if query.task is None else mark_of(query.task, query.retry_id)
        self._since: datetime | None = query.since
        self._pattern = None if query.pattern is None else _compiled(query.pattern)

    def of(self, data: bytes) -> Iterator[LogLine]:
        """The chosen lines of whole records, in order. Errors: BadPattern where a search takes too long."""
        return self._chosen(self._records(data))

    def last_of(self, data: bytes, count: int) -> list[LogLine]:
        """The last chosen lines, in order. Errors: BadPattern."""
        found = list(islice(self._chosen(reversed(self._records(data))), count))
        found.reverse()
        return found

    def may_have(self, segment: Segment) -> bool:
        """Whether a piece with this index can hold a chosen line."""
        if self._since is not None and segment.last_at < self._since:
            return False
        if self._task is None:
            return True
        if self._retry_id is not None:
            return (self._task, self._retry_id) in segment.attempts
        return any(task == self._task for task, _ in segment.attempts)

    def _records(self, data: bytes) -> list[bytes]:
        # One look at the whole is cheaper than one at each record, and most tasks are not in most pieces.
        return records_of(data) if self._mark in data else []

    def _chosen(self, records: Iterable[bytes]) -> Iterator[LogLine]:
        for record in records:
            # Cheaper than to decode what will not be taken.
            if self._mark not in record:
                continue
            line = decoded(record)
            if line is not None and self._takes(line):
                yield line

    def _takes(self, line: LogLine) -> bool:
        if self._task is not None and line.task != self._task:
            return False
        if self._retry_id is not None and line.retry_id != self._retry_id:
            return False
        if self._since is not None and line.at < self._since:
            return False
        return self._pattern is None or _found(self._pattern, line_text(line))


def _compiled(pattern: str) -> regex.Pattern[str]:
    if len(pattern) > _PATTERN_LENGTH:
        raise BadPattern(f"The regular expression is longer than {_PATTERN_LENGTH} characters.")
    try:
        return regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError, MemoryError) as error:
        raise BadPattern(f"{pattern!r} is no regular expression: {error}") from error


def _found(pattern: regex.Pattern[str], text: str) -> bool:
    try:
        # `regex`, unlike `re`, can be stopped: users' patterns must not hold up the process.
        return pattern.search(text, timeout=_SEARCH_SECONDS, concurrent=True) is not None
    except TimeoutError as error:
        raise BadPattern(f"{pattern.pattern!r} takes too long; use a simpler regular expression.") from error
