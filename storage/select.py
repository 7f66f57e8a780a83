"""Which files of a tree or store take part in a transfer. Source: workflow-spec.md §6.4."""

from __future__ import annotations

import re
from dataclasses import dataclass

from storage.faults import StoreError
from storage.keys import Parts


@dataclass(frozen=True, slots=True)
class Selection:
    """The files whose relative path is matched by a regular expression, anchored at the start and not at the end."""

    pattern: re.Pattern[str] | None

    def takes(self, parts: Parts) -> bool:
        """Whether the file with this relative path takes part."""
        return self.pattern is None or self.pattern.match("/".join(parts)) is not None


def selection(regex: str) -> Selection:
    """The selection for a `regex` field; an empty one takes everything. Errors: StoreError where it is malformed."""
    if not regex:
        return EVERYTHING
    try:
        return Selection(re.compile(regex))
    except re.error as error:
        raise StoreError(f"Invalid regex: {regex!r}: {error}") from error


EVERYTHING = Selection(None)
