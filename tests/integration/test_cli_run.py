"""`argosmo run` as a process of its own, with the local engine. Source: design §10."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

REPOSITORY = Path(__file__).parents[2]
ENDLESS = """\
workflow:
  name: endless
  tasks:
  - name: wait
    image: ubuntu:24.04
    command: [sh, -c]
    args: ["echo waiting; exec sleep {{seconds}}"]
"""

Command = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def argosmo(tmp_path: Path) -> Command:
    """Starts `argosmo` with a data directory of the test's own."""

    def started(*words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "cli", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
            env={**os.environ, "XDG_DATA_HOME": str(tmp_path / "data")},
        )

    return started


def processes_with(word: str) -> list[str]:
    """The command lines on this machine that hold a word."""
    return [
        " ".join(process.info["cmdline"])
        for process in psutil.process_iter(["cmdline"])
        if word in (process.info["cmdline"] or ())
    ]


def test_hello(argosmo: Command) -> None:
    """Streams logs, last line `<workflow id> <STATUS>`; exit 0 if COMPLETED."""
    with argosmo("run", "examples/hello.yaml") as process:
        out, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    lines = out.splitlines()
    assert lines[0] == "[generate] Writing three samples of hello-1"
    assert lines[-1] == "hello-1 COMPLETED"
    assert err == ""


def test_failure(argosmo: Command, tmp_path: Path) -> None:
    """Exit 1 if it failed, and which task and why."""
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "workflow: {name: bad, tasks: [{name: t, image: 'ubuntu:24.04', command: [sh, -c, echo oh >&2; exit 7]}]}\n"
    )
    with argosmo("run", str(spec)) as process:
        out, err = process.communicate(timeout=90)
    assert process.returncode == 1
    assert out.startswith("[t] oh\n")
    assert out.endswith("\nbad-1 FAILED\n")
    assert "t: FAILED, exit code 7" in err


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupt(argosmo: Command, tmp_path: Path, number: signal.Signals, exit_code: int) -> None:
    """Ctrl-C cancels cleanly and says so; exit 130 after clean-up, and no process is left."""
    spec = tmp_path / "spec.yaml"
    spec.write_text(ENDLESS)
    seconds = f"6{os.getpid()}"
    with argosmo("run", str(spec), "--set", f"seconds={seconds}") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "[wait] waiting\n"
        assert processes_with(seconds)
        process.send_signal(number)
        out, err = process.communicate(timeout=90)
    assert process.returncode == exit_code
    assert out.splitlines()[-1] == "endless-1 FAILED_CANCELED"
    assert "Canceling endless-1" in err
    assert processes_with(seconds) == []


def test_two_at_once(argosmo: Command) -> None:
    """Runs that share a data directory do not disturb each other, and get ids of their own."""
    first, second = (argosmo("run", "examples/hello.yaml", "--quiet") for _ in range(2))
    with first, second:
        outs = [process.communicate(timeout=90)[0] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0)
    assert sorted(outs) == ["hello-1 COMPLETED\n", "hello-2 COMPLETED\n"]


def test_the_run_is_kept(argosmo: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`argosmo serve` finds the run there afterwards."""
    with argosmo("run", "examples/hello.yaml", "--quiet") as process:
        process.communicate(timeout=90)
    monkeypatch.setenv("ARGOSMO_CONFIG_DIR", str(tmp_path / "config"))
    with argosmo("serve", "--port", "0") as server:
        assert server.stdout is not None
        url = server.stdout.readline().removeprefix("argosmo listens on ").strip()
        try:
            for words in (["login", url], ["workflow", "logs", "hello-1"]):
                with argosmo(*words) as process:
                    out, _ = process.communicate(timeout=60)
        finally:
            server.send_signal(signal.SIGTERM)
            server.communicate(timeout=60)
    assert re.search(r"^\d{4}/.* \[generate\] Writing three samples of hello-1$", out, re.MULTILINE)
