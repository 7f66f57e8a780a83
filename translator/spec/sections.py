"""The cut of a spec file in its top-level sections, before anything is rendered or parsed.

A section begins at a line that starts, at column 0, with a key and a colon; everything before the first one is dropped.

Source: workflow-spec.md §2.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from translator.problems import ErrorCode, Problem, SpecError
from translator.spec.faults import MAX_MESSAGE_LENGTH, shortened
from translator.spec.places import LineIndex

WORKFLOW = "workflow"
DEFAULT_VALUES = "default-values"
VERSION = "version"

MAX_PROBLEMS = 1000

_KNOWN = (WORKFLOW, DEFAULT_VALUES, VERSION)
# Begins with a fixed character, for which Python looks fast.
_KEY = re.compile(r"\n([A-Za-z][A-Za-z0-9_-]*):")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section of a file. Units: `offset` in characters from the start of the file."""

    text: str
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sections:
    """The sections of a file, None for those that it does not have."""

    workflow: Section
    default_values: Section | None = None
    version: Section | None = None


def cut(source: str, lines: LineIndex) -> Sections:
    """The sections of `source`, whose lines are `lines`.

    Errors: SpecError (USER) with every unknown, repeated and missing section.
    """
    found: dict[str, Section] = {}
    problems = []
    for key, section in _cut_all(source):
        if key not in _KNOWN:
            problems.append(_problem(lines, "unknown-section", f'Unknown top-level key "{key}" found', key, section))
        elif key in found:
            problems.append(_problem(lines, "repeated-section", f'Duplicate top-level key "{key}" found', key, section))
        else:
            found[key] = section
        if len(problems) == MAX_PROBLEMS:
            break
    if WORKFLOW not in found:
        problems.append(Problem(code="missing-section", message="Workflow spec not found.", line=1, column=1))
    if problems:
        raise SpecError(problems, error_code=ErrorCode.USER)
    return _sections(found)


def _sections(found: Mapping[str, Section]) -> Sections:
    return Sections(workflow=found[WORKFLOW], default_values=found.get(DEFAULT_VALUES), version=found.get(VERSION))


def _cut_all(source: str) -> Iterator[tuple[str, Section]]:
    last: re.Match[str] | None = None
    # One line break more at the front: where a match starts is where its key stands in `source`.
    for match in _KEY.finditer(f"\n{source}"):
        if last is not None:
            yield last[1], Section(text=source[last.start() : match.start()], offset=last.start())
        last = match
    if last is not None:
        yield last[1], Section(text=source[last.start() :], offset=last.start())


def _problem(lines: LineIndex, code: str, message: str, key: str, section: Section) -> Problem:
    line, column = lines.place(section.offset)
    message = shortened(f"{message} in the workflow spec.")
    return Problem(code=code, message=message, path=key[:MAX_MESSAGE_LENGTH], line=line, column=column)
