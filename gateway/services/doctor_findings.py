"""What a look at an installation finds: one value for each thing that was looked at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is. A problem keeps work from running as promised; a warning makes it slower, or less safe."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Shape: `check` is a stable name such as `argo-version`; `backend` "" for this machine; `advice` is one sentence with
    the command or setting that mends it, "" where nothing is to be done.
    """

    check: str
    level: Level
    found: str
    advice: str = ""
    backend: str = ""


def ok(check: str, found: str) -> Finding:
    """Something is as it should be."""
    return Finding(check=check, level=Level.OK, found=found)


def warning(check: str, found: str, advice: str) -> Finding:
    """Something could be better."""
    return Finding(check=check, level=Level.WARNING, found=found, advice=advice)


def problem(check: str, found: str, advice: str) -> Finding:
    """Something is wrong."""
    return Finding(check=check, level=Level.PROBLEM, found=found, advice=advice)


def has_problem(findings: Iterable[Finding]) -> bool:
    """Whether one of them is a problem."""
    return any(finding.level is Level.PROBLEM for finding in findings)
