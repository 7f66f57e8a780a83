"""docs/doctor.md names every check, and none that does not exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_USES = (r'(?:ok|warning|problem)\(\s*"([a-z-]+)"', r'^_CHECK = "([a-z-]+)"', r'^    \("([a-z-]+)", doctor_')
_NAME = re.compile("|".join(_USES), re.MULTILINE)


def test_checks_are_documented() -> None:
    sources = [
        *ROOT.glob("gateway/runners/argo/doctor*.py"),
        *ROOT.glob("gateway/services/doctor*.py"),
        ROOT / "gateway/runners/local_doctor.py",
        ROOT / "gateway/store/health.py",
        ROOT / "gateway/store/archive_health.py",
        ROOT / "cli/doctor.py",
        ROOT / "cli/backend_test.py",
    ]
    used = {next(filter(None, match.groups())) for path in sources for match in _NAME.finditer(path.read_text())}
    rows = re.findall(r"^\| (`[^|]+`) \|", (ROOT / "docs/doctor.md").read_text(), re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`([a-z-]+)`", row)}
    assert documented == used
