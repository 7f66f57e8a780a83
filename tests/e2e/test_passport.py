"""The passport of a task's outputs, from the run to the command that compares."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from cli.main import main
from tests.e2e.commands import server, wait_until

HELLO = hashlib.sha256(b"hello").hexdigest()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, Path]]:
    """A server with the local engine, and a directory for outputs."""
    home = tmp_path_factory.mktemp("passport")
    with server(home / "data with blanks") as client:
        yield client, home / "out"


@pytest.fixture
def made(gateway: tuple[httpx.Client, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[str, Path]:
    """The id of a workflow whose task `make` came twice, and where its output is; the command knows the server."""
    client, out = gateway
    monkeypatch.setenv("ARGOSMO_CONFIG_DIR", str(tmp_path / "config"))
    assert main(["login", str(client.base_url), "--method", "dev", "--username", "tester"]) == 0
    script = "mkdir {{output}}/d; printf hello > {{output}}/d/f; test $OSMO_RETRY_ID -gt 0"
    task = {
        "name": "make",
        "image": "busybox@sha256:" + "0" * 64,
        "command": ["sh", "-c", script],
        "outputs": [{"url": f"file://{out}/{{{{workflow_id}}}}"}],
        "exitActions": {"RESCHEDULE": "1"},
    }
    empty = {"name": "none", "image": "i", "command": ["true"], "inputs": [{"task": "make"}]}
    text = yaml.safe_dump({"workflow": {"name": "pass", "tasks": [task, empty]}})
    reply = client.post("/api/pool/default/workflow", json={"file": text})
    name = str(reply.raise_for_status().json()["name"])
    wait_until(lambda: client.get(f"/api/workflow/{name}").json()["end_time"] is not None, "the end")
    return name, out / name


def test_it_says_what_went_where(
    made: tuple[str, Path], gateway: tuple[httpx.Client, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Linked to workflow, task, attempt and image; REST and command say the same."""
    name, out = made
    client, _ = gateway
    path = f"/api/argosmo/v1/workflow/{name}/task/make/passport"
    found = client.get(path).raise_for_status().json()
    uuid = client.get(f"/api/workflow/{name}").json()["uuid"]
    assert (found["workflow_id"], found["workflow_uuid"], found["task"]) == (name, uuid, "make")
    assert (found["image_digest"], found["complete"]) == ("sha256:" + "0" * 64, True)
    assert [(place["kind"], place["total_bytes"]) for place in found["places"]] == [("intermediate", 5), ("output", 5)]
    assert found["places"][1]["url"] == f"file://{out}"
    assert found["places"][1]["files"] == [{"path": "d/f", "size": 5, "sha256": HELLO}]
    assert client.get(path, params={"retry_id": 0}).json()["retry_id"] == 0
    assert client.get(f"/api/argosmo/v1/workflow/{name}/task/none/passport").status_code == 404
    assert client.get(f"/api/argosmo/v1/workflow/{name}/task/other/passport").status_code == 400
    capsys.readouterr()
    assert main(["task", "passport", name, "make", "-t", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == found
    assert main(["task", "passport", name, "make"]) == 0
    assert f"{HELLO}             5  d/f" in capsys.readouterr().out


def test_what_was_changed_since_is_found(
    made: tuple[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, out = made
    capsys.readouterr()
    main(["task", "passport", name, "make", "-t", "json"])
    passport = tmp_path / "passport.json"
    passport.write_text(capsys.readouterr().out)
    (out / "others").write_text("somebody else's")
    assert main(["data", "check", "--passport", str(passport)]) == 0
    (out / "d/f").write_text("hellO")
    assert main(["data", "check", "--passport", str(passport)]) == 1
    assert "damaged  d/f" in capsys.readouterr().out
    (out / "d/f").unlink()
    assert main(["data", "check", f"file://{out}", "--passport", str(passport), "-t", "json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["status"], report["places"][0]["missing"]) == ("fail", ["d/f"])
    assert main(["data", "check", "file:///elsewhere", "--passport", str(passport)]) == 2


def test_a_passport_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("{}")
    assert main(["data", "check", "--passport", str(tmp_path / "file")]) != 0
    assert "Expected a passport of format 1" in capsys.readouterr().err
    assert main(["data", "check"]) != 0
