"""`serve`: flags are the gateway's settings, and what it refuses is one line."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from cli.arguments import PRIORITIES
from cli.commands import LOG_LEVELS
from cli.main import main
from cli.serve import ISOLATIONS, LOG_FORMATS, SETTINGS
from engine.settings import IsolationChoice
from gateway.settings import LogFormat, LogLevel, Settings
from translator.plan.model import Priority


def test_flags_are_settings() -> None:
    """Words that are written down twice, because reading the other place takes long, are the same."""
    assert set(SETTINGS) <= set(Settings.model_fields)
    assert tuple(IsolationChoice) == ISOLATIONS
    assert tuple(LogFormat) == LOG_FORMATS
    assert tuple(LogLevel) == LOG_LEVELS
    assert tuple(Priority) == PRIORITIES


def test_flags_reach_the_gateway(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Flags win over variables; `--log-level` may stand before the command or after it."""
    served: list[Settings] = []
    monkeypatch.setattr("gateway.main.serve", served.append)
    monkeypatch.setenv("ARGOSMO_PORT", "1234")
    monkeypatch.setenv("ARGOSMO_USER", "bob")
    flags = ["--port", "0", "--data-dir", str(tmp_path), "--containers", "--allowed-hosts", "a", "b"]
    assert main(["--log-level", "debug", "serve", *flags]) == 0
    assert main(["serve", "--log-level", "error"]) == 0
    first, second = served
    assert (first.port, first.user, first.data_dir, first.isolation) == (0, "bob", tmp_path, IsolationChoice.CONTAINERS)
    assert (first.allowed_hosts, first.log_level) == (("a", "b"), LogLevel.DEBUG)
    assert (second.port, second.log_level, second.isolation) == (1234, LogLevel.ERROR, IsolationChoice.AUTO)


@pytest.mark.parametrize(
    ("flags", "shown"),
    [
        (["--host", "0.0.0.0"], "no authentication is configured"),
        (["--port", "99999"], "--port: "),
        (["--config", "/nowhere/at/all"], "/nowhere/at/all"),
    ],
)
def test_refusals(flags: list[str], shown: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, and one line on standard error that says what to do."""
    assert main(["serve", "--port", "0", "--data-dir", str(tmp_path), *flags]) == 2
    assert shown in capsys.readouterr().err


def test_port_in_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A taken port is named, with the way out."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["serve", "--port", port, "--data-dir", str(tmp_path)]) == 2
    assert "Choose another --port" in capsys.readouterr().err
