"""What a check says, and how a list of it becomes the answer to a submission.

Source: workflow-spec.md §1.2. The first failure in OSMO's order decides message, class and record; we report them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from translator.problems import ErrorCode, Problem, Severity, SpecError

Locate = Callable[[str], tuple[int | None, int | None] | None]
"""A field path (`workflow.tasks[2].image`) to line and column of the file, counted from 1, None where it has none.

`translator.spec.parse.ParsedSpec.locate` is one.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a check found, at a field path. `error_code` is given where it is not the rule's own."""

    code: str
    message: str
    path: str = ""
    severity: Severity = Severity.ERROR
    error_code: ErrorCode | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A finding with the class of error and the record that its rule leads to."""

    finding: Finding
    error_code: ErrorCode
    records_submission: bool


def nowhere(path: str) -> None:
    """A `Locate` for specs that come from no file."""
    del path


def warnings_or_error(judged: Sequence[Judged], locate: Locate) -> tuple[Problem, ...]:
    """The warnings, if nothing worse was found.

    Errors: SpecError with everything, in order, errors before warnings; its message, class and record are those of the
    first error.
    """
    errors = [one for one in judged if one.finding.severity is Severity.ERROR]
    warnings = _problems((one for one in judged if one.finding.severity is Severity.WARNING), locate)
    if errors:
        raise SpecError(
            [*_problems(errors, locate), *warnings],
            error_code=errors[0].error_code,
            records_submission=errors[0].records_submission,
        )
    return tuple(warnings)


def _problems(judged: Iterable[Judged], locate: Locate) -> list[Problem]:
    return [_problem(one.finding, locate(one.finding.path) if one.finding.path else None) for one in judged]


def _problem(finding: Finding, place: tuple[int | None, int | None] | None) -> Problem:
    line, column = (None, None) if place is None else place
    return Problem(
        code=finding.code,
        message=finding.message,
        path=finding.path,
        line=line,
        column=column,
        severity=finding.severity,
    )
