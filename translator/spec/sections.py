"""The cut of a spec file in its top-level sections, before anything is rendered or parsed.

A section begins at a line that starts, at column 0, with a key and a colon; everything before the first one is dropped.

Source: workflow-spec.md §2.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from translator.problems import ErrorCode, Problem, SpecError
from translator.spec.places import LineIndex

WORKFLOW = "workflow"
DEFAULT_VALUES = "default-values"
VERSION = "version"

_KNOWN = (WORKFLOW, DEFAULT_VALUES, VERSION)
_KEY = re.compile(r"^([A-Za-z][A-Za-z0-9_-]*):", re.MULTILINE)


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
    if WORKFLOW not in found:
        problems.append(Problem(code="missing-section", message="Workflow spec not found.", line=1, column=1))
    if problems:
        raise SpecError(problems, error_code=ErrorCode.USER)
    return _sections(found)


def _sections(found: Mapping[str, Section]) -> Sections:
    return Sections(workflow=found[WORKFLOW], default_values=found.get(DEFAULT_VALUES), version=found.get(VERSION))


def _cut_all(source: str) -> list[tuple[str, Section]]:
    matches = list(_KEY.finditer(source))
    bounds = pairwise([*(match.start() for match in matches), len(source)])
    return [
        (match[1], Section(text=source[start:end], offset=start))
        for match, (start, end) in zip(matches, bounds, strict=True)
    ]


def _problem(lines: LineIndex, code: str, message: str, key: str, section: Section) -> Problem:
    line, column = lines.place(section.offset)
    return Problem(code=code, message=f"{message} in the workflow spec.", path=key, line=line, column=column)
