"""The `argosmo` command as a child process, and a gateway that looks at what such a process left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
from fastapi.testclient import TestClient

from gateway.main import build, create_app
from gateway.settings import Settings

REPOSITORY = Path(__file__).parents[2]
USER = "tester"
PATIENCE_SECONDS = 60.0


def argosmo(
    *arguments: str | Path, environment: Mapping[str, str] | None = None, timeout_seconds: float = 120
) -> subprocess.CompletedProcess[str]:
    """What the command did: its exit code, standard output and error."""
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, **(environment or {})},
        timeout=timeout_seconds,
    )


@contextmanager
def server(data: Path, *arguments: str | Path) -> Iterator[httpx.Client]:
    """A client of `argosmo serve` on a free port. The server gets SIGTERM at the end, and must end with 0."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "serve", "--port", "0", "--data-dir", str(data), *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )
    try:
        assert process.stdout is not None
        url = next(line for line in process.stdout if "listens on" in line).split()[-1]
        with httpx.Client(base_url=url, headers={"x-osmo-user": USER}, timeout=PATIENCE_SECONDS) as client:
            yield client
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 0


@contextmanager
def gateway_on(data: Path, config: Path | None = None) -> Iterator[httpx.Client]:
    """A client of a gateway in this process, with the local engine, on a data directory that may have a history."""
    gateway = build(Settings(data_dir=data, config=config))
    try:
        gateway.start()
        with TestClient(create_app(gateway), headers={"x-osmo-user": USER}, base_url="http://127.0.0.1") as client:
            yield client
    finally:
        gateway.stop()


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Return when the condition holds; fail if it never does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.01)


def processes_of(data: Path) -> Sequence[psutil.Process]:
    """Processes that name the data directory in their arguments, environment or working directory."""
    found = []
    for process in psutil.process_iter():
        try:
            named = [*process.cmdline(), *process.environ().values(), process.cwd() or ""]
        except psutil.Error:
            continue
        if process.pid != os.getpid() and any(str(data) in text for text in named):
            found.append(process)
    return found
