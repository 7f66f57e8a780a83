"""The gateway as a process: when it is ready, what it writes, how it ends, and where it refuses to start."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.api_support import one_task

COMMAND = [sys.executable, "-m", "cli", "serve", "--port", "0"]


@contextmanager
def gateway(directory: Path, *flags: str, **environ: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that serves, and its address; killed at the end if it is still there."""
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [*COMMAND, "--data-dir", str(directory / "data"), *flags],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, **environ},
        )
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line.startswith("argosmo listens on http://127.0.0.1:"), (directory / "log").read_text()
            yield process, line.split()[-1]
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as reply:
        return json.load(reply)


def post(url: str, body: object) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as reply:
        return json.load(reply)


def refused(*flags: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A start that must fail."""
    return subprocess.run(
        [*COMMAND, *flags], capture_output=True, text=True, timeout=60, env={**os.environ, **environ}, check=False
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_is_ready_when_it_says_so_and_ends_in_order(tmp_path: Path, number: signal.Signals) -> None:
    with gateway(tmp_path) as (process, url):
        assert get(f"{url}/health") == {"status": "OK"}
        assert get(f"{url}/api/pool")["pools"]["default"]["backend"] == "local"
        process.send_signal(number)
        assert process.wait(30) == 0
    records = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert all({"event", "level", "logger", "timestamp"} <= record.keys() for record in records)
    assert records[-1]["event"] == "stopped"
    requests = [record for record in records if record["logger"] == "gateway.requests"]
    assert requests[0]["path"] == "/api/pool"
    assert requests[0]["request_id"]


def test_a_signal_that_comes_before_it_is_ready_is_not_lost(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [*COMMAND, "--data-dir", str(tmp_path / "data")], stdout=subprocess.DEVNULL, stderr=log
        )
        try:
            # The lock of the instance is taken after the signals are, and long before requests are served.
            while not list((tmp_path / "data").glob("instances/*.lock")):
                assert process.poll() is None, (tmp_path / "log").read_text()
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.wait()
    assert "stopped" in (tmp_path / "log").read_text()


def test_a_local_task_is_ended_and_recorded(tmp_path: Path) -> None:
    """design §10: local tasks are ended (TERM, grace, KILL) and recorded, no process left."""
    script = "trap 'echo told to stop; exit 9' TERM; echo begun; while :; do sleep 0.1; done"
    task = {"name": "t", "image": "i", "command": ["bash", "-c", script]}
    with gateway(tmp_path) as (process, url):
        spec = json.dumps({"name": "long", "tasks": [task]})
        post(f"{url}/api/pool/default/workflow", {"file": f"workflow: {spec}"})
        with urllib.request.urlopen(f"{url}/api/workflow/long-1/logs", timeout=30) as reply:
            assert b"begun" in reply.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    with gateway(tmp_path) as (_, url):
        found = get(f"{url}/api/workflow/long-1")
        assert found["status"] == "FAILED"
        with urllib.request.urlopen(f"{url}/api/workflow/long-1/logs", timeout=30) as reply:
            assert b"told to stop" in reply.read()


def test_streams_do_not_hold_it_up(tmp_path: Path) -> None:
    with gateway(tmp_path, "--config", str(_cluster_config(tmp_path))) as (process, url):
        # Nobody runs what is submitted to this backend, so its log stays open.
        post(f"{url}/api/pool/far/workflow", {"file": one_task("waits")})
        reply = urllib.request.urlopen(f"{url}/api/workflow/waits-1/logs", timeout=30)
        rest: list[bytes] = []
        reader = threading.Thread(target=lambda: rest.append(reply.read()))
        reader.start()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        reader.join(10)
        assert rest == [b""]


def test_another_address_is_refused_without_authentication() -> None:
    ended = refused("--host", "0.0.0.0")
    assert ended.returncode != 0
    assert "no authentication is configured" in ended.stdout + ended.stderr


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = refused("--data-dir", str(tmp_path), "--port", port)
    assert ended.returncode != 0
    assert f"Cannot listen on 127.0.0.1:{port}" in ended.stdout + ended.stderr


def test_authentication_is_not_ignored(tmp_path: Path) -> None:
    ended = refused("--data-dir", str(tmp_path), OSMO_DEFAULT_ADMIN_USERNAME="root")
    assert ended.returncode != 0
    assert "cannot authenticate callers" in ended.stdout + ended.stderr


def test_a_configuration_that_is_wrong_from_the_start(tmp_path: Path) -> None:
    (tmp_path / "pools.yaml").write_text("pools: {a: {backend: nowhere}}\n")
    ended = refused("--data-dir", str(tmp_path / "data"), "--config", str(tmp_path))
    assert ended.returncode != 0
    assert "pools.yaml:1" in ended.stdout + ended.stderr


def _cluster_config(directory: Path) -> Path:
    files = directory / "config"
    files.mkdir()
    (files / "far.yaml").write_text(
        "backends: {far: {cluster: {in_cluster: true}}}\n"
        "pools: {far: {backend: far, default_platform: cpu, platforms: {cpu: {}}}}\n"
    )
    return files
