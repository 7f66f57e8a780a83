"""What docs/datasets.md shows works: commands, the workflow, Python."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "datasets.md").read_text(encoding="utf-8")
READY = "argosmo listens on "


def blocks(language: str) -> list[str]:
    """The blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A fresh user with an `argosmo` of this tree."""
    program = tmp_path / "bin/argosmo"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m cli "$@"\n')
    program.chmod(0o755)
    homes = {name: str(tmp_path / name.lower()) for name in ("ARGOSMO_CONFIG_DIR", "XDG_CACHE_HOME", "XDG_DATA_HOME")}
    return {**os.environ, **homes, "PATH": f"{program.parent}:{os.environ['PATH']}"}


@pytest.fixture
def gateway(environment: dict[str, str], tmp_path: Path) -> Iterator[None]:
    """A gateway that the user is logged in to."""
    command = ["argosmo", "serve", "--port", "0"]
    log = (tmp_path / "log").open("wb")
    with log, subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().removeprefix(READY).strip()
            assert url, (tmp_path / "log").read_text()
            login = ["argosmo", "login", url, "--method", "dev", "--username", "alice"]
            subprocess.run(login, env=environment, check=True, capture_output=True)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


@pytest.mark.usefixtures("gateway")
def test_the_commands_do_what_is_shown(environment: dict[str, str], tmp_path: Path) -> None:
    """Each line that begins with `$`, in order; what stands below it is what it prints, times aside."""
    place = tmp_path / "work"
    place.mkdir()
    (spec,) = blocks("yaml")
    (place / "train.yaml").write_text(spec)
    for line in "".join(blocks("console")).split("\n$ "):
        command, _, expected = line.removeprefix("$ ").partition("\n")
        done = subprocess.run(
            ["bash", "-c", command], cwd=place, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        if expected.strip():
            assert _without_times(done.stdout).strip() == _without_times(expected).strip(), command
    assert sorted(path.name for path in (place / "copy").iterdir()) == ["1.txt", "2.txt"]
    assert (place / "trained/weights").read_text() == "one\ntwo\n"


def test_the_python_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every block in one program, in order."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.txt").write_text("hello")
    (tmp_path / "in/b.log").write_text("left out")
    names: dict[str, object] = {
        "LOCATION": f"file://{tmp_path}/store",
        "DIRECTORY": str(tmp_path / "in"),
        "TARGET": str(tmp_path / "out"),
    }
    exec("\n".join(blocks("python")), names)
    assert re.fullmatch(r"[0-9a-f]{64} 2 files, 0 there already\n", capsys.readouterr().out)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.txt"]


def _without_times(text: str) -> str:
    return re.sub(r"in \d+\.\d s", "in … s", text)
