"""Every test of the command runs with files of its own, in UTC, and as nobody's login but its own."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from cli.login_file import DevLogin, Login, write_login
from tests.unit.cli.gateway_stub import GatewayStub, serving


@pytest.fixture(autouse=True)
def own_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A configuration directory of the test's own, UTC, and no proxy."""
    monkeypatch.setenv("ARGOSMO_CONFIG_DIR", str(tmp_path / "config"))
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    # `run` and `serve` set up the process's logging, which is the test runner's.
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def gateway() -> Iterator[GatewayStub]:
    """A recording gateway at which alice is logged in by `dev`."""
    with serving() as stub:
        write_login(Login(url=stub.url, name="alice", identity=DevLogin(username="alice")))
        yield stub
