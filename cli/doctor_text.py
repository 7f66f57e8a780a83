"""How findings are shown: for people by place, for programs as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TypedDict

from gateway.services.doctor_findings import Finding, Level

_MACHINE = "This machine"
_GAP = "  "


class FindingValue(TypedDict):
    """One finding as JSON."""

    check: str
    level: str
    found: str
    advice: str
    backend: str


class Report(TypedDict):
    """All findings as JSON."""

    findings: list[FindingValue]
    problems: int
    warnings: int


def report_value(findings: Sequence[Finding]) -> Report:
    """The findings as they are printed with `--format-type json`."""
    return Report(
        findings=[
            FindingValue(check=one.check, level=one.level, found=one.found, advice=one.advice, backend=one.backend)
            for one in findings
        ],
        problems=_count(findings, Level.PROBLEM),
        warnings=_count(findings, Level.WARNING),
    )


def report_lines(findings: Sequence[Finding]) -> list[str]:
    """The findings for people, by place, with what to do below each that is not ok."""
    lines: list[str] = []
    levels, checks = max(map(len, Level)), max((len(one.check) for one in findings), default=0)
    for backend, group in groupby(findings, key=lambda one: one.backend):
        lines += [*([""] if lines else ()), f"Backend {backend}" if backend else _MACHINE]
        for one in group:
            lines.append(_GAP + f"{one.level.value:<{levels}}{_GAP}{one.check:<{checks}}{_GAP}{_one_line(one.found)}")
            if one.advice:
                lines.append(_GAP + " " * (levels + checks + 2 * len(_GAP)) + f"→ {_one_line(one.advice)}")
    return [*lines, "", summary(findings)]


def summary(findings: Iterable[Finding]) -> str:
    """`2 problems, 1 warning`."""
    listed = list(findings)
    problems, warnings = _count(listed, Level.PROBLEM), _count(listed, Level.WARNING)
    if not problems and not warnings:
        return "Everything is as it should be."
    return f"{problems} problem{_s(problems)}, {warnings} warning{_s(warnings)}."


def _count(findings: Sequence[Finding], level: Level) -> int:
    return sum(1 for one in findings if one.level is level)


def _s(number: int) -> str:
    return "" if number == 1 else "s"


def _one_line(text: str) -> str:
    return " ".join(text.split())
