"""The gateway's own log: one JSON object a line, without what tasks and users keep secret."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog

from gateway.log_setup import set_up_logging
from gateway.settings import LogFormat, LogLevel


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_records_of_ours_and_of_libraries(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(LogLevel.INFO, LogFormat.JSON)
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        structlog.stdlib.get_logger("ours").info("said", number=3)
        logging.getLogger("theirs").warning("also %s", "said")
        logging.getLogger("theirs").debug("not said")
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (first["event"], first["number"], first["level"], first["logger"]) == ("said", 3, "info", "ours")
    assert (second["event"], second["level"], second["request_id"]) == ("also said", "warning", "r1")


def test_tracebacks_show_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(LogLevel.INFO, LogFormat.JSON)
    try:
        secret = "hunter" + str(2)
        raise RuntimeError(f"no {len(secret)}")
    except RuntimeError:
        structlog.stdlib.get_logger("ours").exception("failed")
    line = capsys.readouterr().err
    assert json.loads(line)["exception"][0]["exc_type"] == "RuntimeError"
    assert "hunter2" not in line


def test_text_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(LogLevel.WARNING, LogFormat.TEXT)
    structlog.stdlib.get_logger("ours").warning("said")
    structlog.stdlib.get_logger("ours").info("not said")
    assert "said" in capsys.readouterr().err
    assert sys.stderr is not None
