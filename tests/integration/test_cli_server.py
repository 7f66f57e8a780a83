"""The command line against a real gateway in a process of its own, as a user has it after `argosmo serve`."""

from __future__ import annotations

import getpass
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.login_file import CONFIG_DIR_VARIABLE
from cli.main import main
from tests.integration.serving import served

HELLO = """\
workflow:
  name: hello
  labels: {team: a}
  tasks:
  - name: hello
    image: ubuntu:24.04
    command: [sh, -c]
    args: ["echo Hello from {{who}}"]
default-values:
  who: OSMO
"""
ENDLESS = """\
workflow:
  name: endless
  tasks:
  - name: wait
    image: ubuntu:24.04
    command: [sh, -c]
    args: ["echo waiting; sleep 600"]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a gateway that `argosmo serve` started."""
    directory = tmp_path_factory.mktemp("server")
    with served(directory) as url:
        yield url


@pytest.fixture(autouse=True)
def logged_in(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A login of the test's own, found out by asking the server."""
    monkeypatch.setenv(CONFIG_DIR_VARIABLE, str(tmp_path / "config"))
    assert main(["login", server]) == 0
    assert f"Welcome {getpass.getuser()}." in capsys.readouterr().out


def submitted(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> str:
    """The id of a new workflow."""
    spec = tmp_path / "spec.yaml"
    spec.write_text(text)
    assert main(["workflow", "submit", str(spec), "-t", "json", *flags]) == 0
    name = json.loads(capsys.readouterr().out)["name"]
    assert isinstance(name, str)
    return name


def shown(words: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What a command prints."""
    assert main(words.split()) == 0
    return capsys.readouterr().out


def test_hello(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Submit hello world, follow its log to the end, query, list."""
    name = submitted(HELLO, tmp_path, capsys, "--set", "who=me")
    assert "[hello] Hello from me\n" in shown(f"workflow logs {name}", capsys)
    detail = json.loads(shown(f"workflow query {name} -t json", capsys))
    assert detail["status"] == "COMPLETED"
    lines = shown(f"workflow query {name}", capsys).splitlines()
    assert lines[:2] == [f"Workflow ID : {name}", "Status      : COMPLETED"]
    assert lines[-1].split()[0] == "hello"
    assert lines[-1].split()[-1] == "COMPLETED"
    listed = shown("workflow list -s completed --label team=a", capsys)
    assert f" {name} " in listed
    assert "who" in shown(f"workflow spec {name} --template", capsys)
    assert "Hello from me" in shown(f"workflow spec {name}", capsys)
    assert "[hello]" in shown(f"workflow events {name}", capsys)
    rows = json.loads(shown(f"task list -s completed -w {name} -t json", capsys))["tasks"]
    assert [row["task_name"] for row in rows] == ["hello"]


def test_again_by_id(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A workflow's id submits its spec once more."""
    name = submitted(HELLO, tmp_path, capsys)
    again = json.loads(shown(f"workflow submit {name} -t json", capsys))["name"]
    assert again != name
    assert "Hello from OSMO" in shown(f"workflow logs {again}", capsys)


def test_cancel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A running workflow ends by `workflow cancel`; the followed log ends with it."""
    name = submitted(ENDLESS, tmp_path, capsys)
    follow = [sys.executable, "-m", "cli", "workflow", "logs", name]
    with subprocess.Popen(follow, stdout=subprocess.PIPE, text=True, env=os.environ) as following:
        assert following.stdout is not None
        assert "[wait] waiting" in following.stdout.readline()
        assert name in shown(f"workflow cancel {name} -m enough", capsys)
        following.stdout.read()
        assert following.wait(timeout=30) == 0
    detail = json.loads(shown(f"workflow query {name} -t json", capsys))
    assert detail["status"] == "FAILED_CANCELED"
    assert detail["cancelled_by"] == getpass.getuser()


def test_dry_run_and_local_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Files beside the spec are sent along, and nothing in them is rendered."""
    (tmp_path / "run.sh").write_text("echo {{ braces }} ${#x}\n")
    text = HELLO.replace(
        '["echo Hello from {{who}}"]', '["sh /run.sh {{who}}"]\n    files: [{path: /run.sh, localpath: run.sh}]'
    )
    spec = tmp_path / "spec.yaml"
    spec.write_text(text)
    assert "localpath: run.sh" in shown(f"workflow submit {spec} --dry-run", capsys)
    assert "succeeded" in shown(f"workflow validate {spec}", capsys)
    name = submitted(text, tmp_path, capsys)
    assert "[hello] {{ braces }} 0" in shown(f"workflow logs {name}", capsys)


def test_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong spec: exit 1; an unknown workflow: exit 2."""
    spec = tmp_path / "spec.yaml"
    spec.write_text("workflow: {name: hello, tasks: [], more: 1}\n")
    assert main(["workflow", "submit", str(spec)]) == 1
    assert "more" in capsys.readouterr().out
    assert main(["workflow", "query", "absent-1"]) == 2
    assert "absent-1" in capsys.readouterr().out


def test_pools_resources_profile(capsys: pytest.CaptureFixture[str]) -> None:
    """What there is."""
    assert "ONLINE" in shown("pool list", capsys)
    assert "default" in shown("resource list -p default", capsys)
    node = json.loads(shown("resource list -a -t json", capsys))["resources"][0]["hostname"]
    assert f"Node: {node}" in shown(f"resource info {node}", capsys)
    assert shown("profile set pool default", capsys) == "Profile Set\n"
    assert "  default: default\n" in shown("profile list", capsys)
    assert shown("version", capsys).splitlines()[1] == "service: 6.4.0"


def test_reader_goes_away(server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`argosmo workflow list | head` ends without a complaint."""
    submitted(HELLO, tmp_path, capsys)
    command = [sys.executable, "-m", "cli", "workflow", "list"]
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as output:
        ended = subprocess.run(command, stdout=output, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == 141
    assert ended.stderr == ""


def test_several_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Commands of several users or scripts do not disturb each other."""
    spec = tmp_path / "spec.yaml"
    spec.write_text(HELLO)
    command = [sys.executable, "-m", "cli", "workflow", "submit", str(spec), "-t", "json"]
    names: set[str] = set()

    def submit() -> None:
        names.add(json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["name"])

    threads = [threading.Thread(target=submit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names) == 4
