"""OSMO's tutorials, read in place: the same result by `argosmo run` and by a server.

The files sleep for minutes to be watched; here the programs find a shorter `sleep` first on their PATH, and an `nc`,
which the machine may lack. Nothing of the files is changed.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.commands import PATIENCE_SECONDS, REPOSITORY, argosmo, server

CORPUS = REPOSITORY.parent / "shared" / "corpus"
pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not at hand")

FILES = sorted(path.name for path in CORPUS.glob("*.yaml"))
# They need an object store, GPUs or named platforms.
SPECIAL = {
    "data_download.yaml",
    "data_filter.yaml",
    "data_upload.yaml",
    "resources_multiple.yaml",
    "resources_platforms.yaml",
    "robot_simulation.yaml",
}
TOOLS = {
    "sleep": "#!/bin/sh\nexec /bin/sleep 0.05\n",
    "nc": """#!/usr/bin/env python3
import socket, sys, time
arguments = sys.argv[1:]
if "-l" in arguments:
    with socket.create_server(("", int(arguments[arguments.index("-p") + 1]))) as listener:
        connection, _ = listener.accept()
        connection.sendall(sys.stdin.buffer.read())
        connection.close()
else:
    host, port = arguments[-2:]
    for _ in range(500):
        try:
            connection = socket.create_connection((host, int(port)))
            break
        except OSError:
            time.sleep(0.02)
    while data := connection.recv(4096):
        sys.stdout.buffer.write(data)
""",
}


@pytest.fixture
def tools() -> Iterator[Path]:
    # Tasks have a /tmp of their own, so a directory that they can see must lie elsewhere.
    with tempfile.TemporaryDirectory(prefix=".argosmo-test-", dir=Path.home()) as folder:
        for name, text in TOOLS.items():
            path = Path(folder, name)
            path.write_text(text)
            path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        yield Path(folder)


@pytest.mark.parametrize("name", FILES)
def test_validate_accepts(name: str) -> None:
    done = argosmo("validate", CORPUS / name, "--set", "storage_url=s3://bucket")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", [name for name in FILES if name not in SPECIAL])
def test_run_and_server_give_the_same(name: str, tools: Path, tmp_path: Path) -> None:
    path = f"PATH={tools}:{os.environ['PATH']}"
    done = argosmo("run", CORPUS / name, "--set-env", path, "--data-dir", tmp_path / "run")
    assert done.stdout, done.stderr
    last = done.stdout.splitlines()[-1]
    with server(tmp_path / "server") as client:
        body = {"file": (CORPUS / name).read_text(), "set_variables": [], "set_string_variables": []}
        reply = client.post("/api/pool/default/workflow", params={"env_vars": path}, json=body)
        assert reply.status_code == 200, reply.text
        workflow_id = reply.json()["name"]
        log = client.get(f"/api/workflow/{workflow_id}/logs", timeout=PATIENCE_SECONDS).text
        by_server = _query(client.get(f"/api/workflow/{workflow_id}").json())
    with server(tmp_path / "run") as client:
        by_run = _query(client.get(f"/api/workflow/{workflow_id}").json())
    assert last == f"{workflow_id} {by_server['status']}"
    assert by_server["status"] == "COMPLETED", log
    assert by_run == by_server


def _query(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "status": found["status"],
        "groups": {group["name"]: group["status"] for group in found["groups"]},
        "tasks": {
            # Whether a helper ends by itself or is ended with its lead depends on the machine; its status does not.
            task["name"]: (task["retry_id"], task["status"])
            for group in found["groups"]
            for task in group["tasks"]
        },
    }
