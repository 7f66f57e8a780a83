"""Which lines a LogQuery chooses, without its `last_n_lines`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

import regex

from engine.ports import LogLine
from gateway.ports.faults import BadPattern
from gateway.ports.log_format import line_text
from gateway.ports.logs import LogQuery
from gateway.ports.runs import Segment

_PATTERN_LENGTH = 1000
# An ordinary search takes microseconds; only a pattern that backtracks without end gets here.
_SEARCH_SECONDS = 0.5


class Choice:
    """A compiled LogQuery. Errors: BadPattern."""

    def __init__(self, query: LogQuery) -> None:
        self._task = query.task
        self._retry_id = query.retry_id
        self._since: datetime | None = query.since
        self._pattern = None if query.pattern is None else _compiled(query.pattern)

    def of(self, lines: Iterable[LogLine]) -> Iterator[LogLine]:
        """The lines that are chosen. Errors: BadPattern where a search takes too long."""
        return (line for line in lines if self._takes(line))

    def may_have(self, segment: Segment) -> bool:
        """Whether a piece with this index can hold a chosen line."""
        if self._since is not None and segment.last_at < self._since:
            return False
        if self._task is None:
            return True
        if self._retry_id is not None:
            return (self._task, self._retry_id) in segment.attempts
        return any(task == self._task for task, _ in segment.attempts)

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
