"""Problems of a spec as lines for people and editors, and as JSON for programs. Source: design §10."""

from __future__ import annotations

from collections.abc import Sequence

from translator.problems import Problem, Severity


def problem_line(file: str, problem: Problem) -> str:
    """`file:line:column: code: message` on one line; a warning has `warning:` before its code.

    Shape: what has no place of its own stands at the beginning of the file, so that every line has the same form.
    """
    mark = "warning: " if problem.severity is Severity.WARNING else ""
    message = " ".join(problem.message.split())
    return f"{file}:{problem.line or 1}:{problem.column or 1}: {mark}{problem.code}: {message}"


def problem_value(problem: Problem) -> dict[str, str | int | None]:
    """One problem as a JSON object."""
    return {
        "line": problem.line,
        "column": problem.column,
        "path": problem.path,
        "code": problem.code,
        "message": problem.message,
        "severity": problem.severity.value,
    }


def in_order(problems: Sequence[Problem]) -> list[Problem]:
    """Problems in the order of the file, as editors and compilers list them; those without a place first."""
    return sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0))


def are_errors(problems: Sequence[Problem]) -> bool:
    """Whether one of them refuses the spec."""
    return any(problem.severity is Severity.ERROR for problem in problems)
