"""How fast the command is there."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from cli import __version__
from cli.commands import COMMANDS

HEAVY = frozenset(
    ("pydantic", "fastapi", "rich", "httpx", "msgspec", "yaml", "sqlalchemy", "http.client", "jinja2", "shtab")
)


@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        (["--help"], frozenset[str]()),
        (["workflow", "list", "--help"], frozenset({"msgspec", "http.client"})),
        (["run", "--help"], frozenset[str]()),
        (["serve", "--help"], frozenset[str]()),
    ],
)
def test_help_loads_nothing_heavy(words: list[str], allowed: frozenset[str]) -> None:
    """What takes long to import is imported by the command that needs it."""
    program = (
        f"import sys, json\nfrom cli.main import main\nassert main({words!r}) == 0\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(json.loads(ended.stderr))
    assert loaded & HEAVY <= allowed


def test_every_command_is_listed() -> None:
    """`argosmo` alone shows the help, as `python -m cli` too."""
    ended = subprocess.run([sys.executable, "-m", "cli"], capture_output=True, text=True, check=True)
    for command in COMMANDS:
        assert f"    {command} " in ended.stdout


def test_version_is_that_of_the_distribution() -> None:
    """One version, told in two places because reading the distribution's takes longer than a request."""
    pyproject = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    assert pyproject["project"]["version"] == __version__
