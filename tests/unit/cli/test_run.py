"""`run`: one workflow through a gateway of this process, here with a backend that plays scripts. Source: design §10."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

import pytest

import gateway.main
from cli.interrupts import Interrupts
from cli.main import main
from engine.ports import LogLine
from gateway.mirror.clock import SystemClock
from gateway.runners.dummy import DummyRunner
from gateway.store.logs import FileLogs
from translator.plan.model import WorkflowUuid

SPEC = """\
workflow:
  name: hello
  tasks:
  - name: talk
    image: ubuntu:24.04
    command: [echo]
    environment: {{{environment}}}
"""


@pytest.fixture(autouse=True)
def scripted_backend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The local engine is replaced by scripts in the tasks' environments."""
    clock = SystemClock()
    monkeypatch.setattr(gateway.main, "runners_by_backend", lambda *_: lambda *_: DummyRunner(clock))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    yield
    clock.close()


@pytest.fixture
def spec(tmp_path: Path) -> Callable[[str], str]:
    """Writes a spec with an environment and gives its path."""

    def written(environment: str) -> str:
        path = tmp_path / "spec.yaml"
        path.write_text(SPEC.format(environment=environment))
        return str(path)

    return written


def test_success(spec: Callable[[str], str], capsys: pytest.CaptureFixture[str]) -> None:
    """Streams logs, last line `<workflow id> <STATUS>`; exit 0 if COMPLETED."""
    path = spec('DUMMY_LOG: "one\\n2 [x] two"')
    assert main(["run", path]) == 0
    assert capsys.readouterr().out == "[talk] one\n[talk] 2 [x] two\nhello-1 COMPLETED\n"
    assert main(["run", path, "--quiet"]) == 0
    assert capsys.readouterr() == ("hello-2 COMPLETED\n", "")


def test_failure(spec: Callable[[str], str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1 if it failed; which task and why is on standard error."""
    assert main(["run", spec('DUMMY_EXIT_CODE: "3"')]) == 1
    shown = capsys.readouterr()
    assert shown.out == "hello-1 FAILED\n"
    assert "talk: FAILED, exit code 3" in shown.err


def test_wrong_spec(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2 if the spec is wrong: problems as file:line:col: code: message on standard error."""
    path = tmp_path / "spec.yaml"
    path.write_text("workflow:\n  name: hello\n  tasks: []\n  more: 1\n")
    assert main(["run", str(path)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"{path}:4:3: unknown-key: " in shown.err


def test_values_and_local_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--set`, `--set-env` and files beside the spec reach the workflow, and the run is kept."""
    (tmp_path / "note.txt").write_text("{{ not rendered }}")
    path = tmp_path / "spec.yaml"
    path.write_text(
        SPEC.format(environment='DUMMY_LOG: "{{word}}"')
        + "    files: [{path: /note, localpath: note.txt}]\ndefault-values:\n  word: no\n"
    )
    assert main(["run", str(path), "--set", "word=yes", "--set-env", "DUMMY_EXIT_CODE=0", "--label", "a=b"]) == 0
    assert capsys.readouterr().out == "[talk] yes\nhello-1 COMPLETED\n"
    assert (tmp_path / "data" / "argosmo" / "argosmo.db").exists()


def interrupting_at(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send Ctrl-C to this process once, as soon as a task writes `line`."""
    append = FileLogs.append
    pressed = threading.Event()

    def watched(self: FileLogs, uuid: WorkflowUuid, lines: Sequence[LogLine]) -> None:
        append(self, uuid, lines)
        if any(entry.text == line for entry in lines) and not pressed.is_set():
            pressed.set()
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(FileLogs, "append", watched)


@pytest.mark.parametrize("impatient", [False, True])
def test_interrupt(
    spec: Callable[[str], str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    impatient: bool,
) -> None:
    """Ctrl-C cancels cleanly and says so; exit 130 after clean-up; a second one forces."""
    before = signal.getsignal(signal.SIGINT)
    interrupting_at("running", monkeypatch)
    if impatient:
        note = Interrupts._note

        def twice(self: Interrupts, number: int, frame: FrameType | None) -> None:
            note(self, number, frame)
            note(self, number, frame)

        monkeypatch.setattr(Interrupts, "_note", twice)
    assert main(["run", spec("DUMMY_LOG: running, DUMMY_UNTIL: deleted")]) == 130
    shown = capsys.readouterr()
    assert shown.out == "[talk] running\nhello-1 FAILED_CANCELED\n"
    assert "Canceling hello-1. Press Ctrl-C again" in shown.err
    assert signal.getsignal(signal.SIGINT) == before


def test_cluster_pool(spec: Callable[[str], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A pool of a cluster cannot be run here; the message says what can."""
    directory = tmp_path / "conf"
    directory.mkdir()
    (directory / "pools.yaml").write_text(
        "backends: {far: {cluster: {in_cluster: true}}}\n"
        "pools: {robots: {backend: far, default_platform: x, platforms: {x: {}}}}\n"
    )
    assert main(["run", spec(""), "--pool", "robots", "--config", str(directory)]) == 2
    assert "argosmo workflow submit" in capsys.readouterr().err


def test_data_dir_that_cannot_be_used(
    spec: Callable[[str], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A data directory that is a file is one line, no traceback."""
    (tmp_path / "file").write_text("")
    assert main(["run", spec(""), "--data-dir", str(tmp_path / "file")]) != 0
    assert "Traceback" not in capsys.readouterr().err
