"""`validate` and `translate`: a file judged without a server. Source: design §10."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from cli.main import main

GOOD = """\
workflow:
  name: hello
  tasks:
  - name: hello
    image: ubuntu:24.04
    command: [echo]
    args: ["{{who}}"]
default-values:
  who: you
"""
BAD = """\
workflow:
  name: two words
  tasks:
  - name: hello
    imag: ubuntu:24.04
    command: [echo]
"""
LOCAL_FILE = """\
workflow:
  name: hello
  tasks:
  - name: hello
    image: ubuntu:24.04
    command: [sh, /run.sh]
    files:
    - path: /run.sh
      localpath: run.sh
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """A place for a spec."""
    return tmp_path / "spec.yaml"


def test_good(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing wrong: exit 0, nothing printed."""
    spec.write_text(GOOD)
    assert main(["validate", str(spec)]) == 0
    assert capsys.readouterr() == ("", "")


def test_bad(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2; each problem as `file:line:col: code: message`, in the order of the file."""
    spec.write_text(BAD)
    assert main(["validate", str(spec)]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[0] for line in lines] == [f"{spec}:2:9", f"{spec}:4:5", f"{spec}:5:5"]
    assert lines[2].startswith(f"{spec}:5:5: unknown-key: ")


def test_json(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON: list of {line, column, path, code, message, severity}."""
    spec.write_text(BAD)
    assert main(["validate", str(spec), "-o", "json"]) == 2
    problems = json.loads(capsys.readouterr().out)
    assert [problem["code"] for problem in problems] == ["bad-name", "missing-field", "unknown-key"]
    assert set(problems[0]) == {"line", "column", "path", "code", "message", "severity"}


def test_warnings_alone(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Warnings too, marked `warning:`; they refuse nothing."""
    spec.write_text("version: 7\n" + GOOD)
    assert main(["validate", str(spec)]) == 0
    assert capsys.readouterr().out.startswith(f"{spec}:1:1: warning: ignored-version: ")


def test_values(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--set`, `--set-string` and `--set-env` reach the Plan."""
    spec.write_text(GOOD)
    assert main(["translate", "-o", "plan", str(spec), "--set", "who=1e3", "--set-env", "A=b=c"]) == 0
    task = json.loads(capsys.readouterr().out)["groups"][0]["tasks"][0]
    assert task["args"] == ["1000.0"]
    assert task["environment"] == {"A": "b=c"}
    assert main(["translate", "-o", "plan", str(spec), "--set-string", "who=1e3"]) == 0
    assert json.loads(capsys.readouterr().out)["groups"][0]["tasks"][0]["args"] == ["1e3"]


def test_same_file_same_plan(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ids that a server would give are placeholders."""
    spec.write_text(GOOD)
    main(["translate", "-o", "plan", str(spec), "-o", "plan"])
    first = capsys.readouterr().out
    main(["translate", "-o", "plan", str(spec)])
    assert capsys.readouterr().out == first
    assert json.loads(first)["workflow_id"] == "hello-1"


def test_translate_of_a_bad_file(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, nothing on standard output."""
    spec.write_text(BAD)
    assert main(["translate", "-o", "plan", str(spec)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"{spec}:2:9: bad-name: " in shown.err


def test_local_files(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`localpath` is read beside the spec; one that is missing is a problem at its place."""
    spec.write_text(LOCAL_FILE)
    assert main(["validate", str(spec)]) == 2
    assert capsys.readouterr().out == f"{spec}:9:18: missing-file: The file/path run.sh does not exist!\n"
    (spec.parent / "run.sh").write_text("echo {{ kept }} {{output}}\n")
    assert main(["translate", "-o", "plan", str(spec)]) == 0
    files = json.loads(capsys.readouterr().out)["groups"][0]["tasks"][0]["files"]
    assert files == [{"path": "/run.sh", "contents": "echo {{ kept }} /osmo/data/output\n"}]


def test_pool_and_config(spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--config DIR --pool P`: checked against that configuration."""
    spec.write_text(GOOD)
    assert main(["validate", str(spec), "--pool", "robots"]) == 2
    assert "unknown-pool" in capsys.readouterr().out
    directory = tmp_path / "conf"
    directory.mkdir()
    (directory / "pools.yaml").write_text(
        "backends: {b: {engine: local}}\npools: {robots: {backend: b, default_platform: x, platforms: {x: {}}}}\n"
    )
    assert main(["validate", str(spec), "--pool", "robots", "--config", str(directory)]) == 0


def test_wrong_config(spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A configuration that cannot be used is no problem of the spec: it is said on standard error."""
    spec.write_text(GOOD)
    assert main(["validate", str(spec), "--config", str(tmp_path / "absent")]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "absent" in shown.err


def test_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not there."""
    assert main(["validate", str(tmp_path / "absent.yaml")]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`-` is standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(BAD.encode())))
    assert main(["validate", "-"]) == 2
    assert capsys.readouterr().out.startswith("-:2:9: ")


@pytest.mark.parametrize(("configured", "expected"), [(False, 0), (True, 2)])
def test_a_platform_is_judged_only_against_a_given_configuration(
    configured: bool, expected: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --config nobody knows the platforms of the pool that is meant."""
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "workflow:\n  name: a\n  resources: {default: {platform: dgx}}\n  tasks: [{name: t, image: i, command: [x]}]\n"
    )
    config = tmp_path / "config"
    config.mkdir()
    given = ["--config", str(config)] if configured else []
    assert main(["validate", str(spec), *given]) == expected
    assert "Platform dgx does not exist in pool default!" in capsys.readouterr().out


@pytest.mark.parametrize(("form", "begins"), [("json", '{"objects":'), ("yaml", "apiVersion:"), ("receipt", "[")])
def test_translate_writes_argo_objects(
    form: str, begins: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(GOOD)
    assert main(["translate", str(spec), "-o", form]) == 0
    assert capsys.readouterr().out.startswith(begins)
