"""What is wrong with a spec, as values.

Every check of the language yields `Problem`s; `SpecError` carries all of them to the edge. The edge decides how they
are shown: `file:line:column: code: message` on a terminal, OSMO's envelope over REST.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a problem is: an error refuses the spec, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


class ErrorCode(StrEnum):
    """The `error_code` of OSMO's error envelope. Source: api.md §1.5."""

    USER = "USER"
    USAGE = "USAGE"
    RESOURCE = "RESOURCE"
    CREDENTIAL = "CREDENTIAL"
    DATABASE = "DATABASE"
    SUBMISSION = "SUBMISSION"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, with its place.

    Shape: `line` and `column` count from 1 in the file as the user wrote it, None where no place exists; `path` is the
    field path (`workflow.tasks[2].resources.cpu`, "" for the whole file); `code` is stable kebab-case
    (`unknown-key`, `bad-duration`); `message` is OSMO's text where OSMO has one.
    """

    code: str
    message: str
    path: str = ""
    line: int | None = None
    column: int | None = None
    severity: Severity = Severity.ERROR


class SpecError(Exception):
    """A spec was refused.

    Shape: `message` is OSMO's text for the first failure in OSMO's order of checks, `error_code` its class;
    `problems` holds everything found (never empty, first failure first); `records_submission` says whether OSMO
    writes a FAILED_SUBMISSION row for it. Source: workflow-spec.md §1.2.
    """

    def __init__(
        self,
        problems: Sequence[Problem],
        *,
        message: str | None = None,
        error_code: ErrorCode = ErrorCode.USAGE,
        records_submission: bool = False,
    ) -> None:
        if not problems:
            raise ValueError("SpecError needs at least one problem")
        self.problems = tuple(problems)
        self.message = message if message is not None else self.problems[0].message
        self.error_code = error_code
        self.records_submission = records_submission
        super().__init__(self.message)
