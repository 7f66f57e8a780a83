"""What is said of the gateway's own machine."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from gateway.services.doctor_findings import Finding, Level
from gateway.services.doctor_machine import machine_findings
from gateway.settings import settings_from


def found(tmp_path: Path, python: tuple[int, ...] = (3, 11, 7), **flags: object) -> dict[str, Finding]:
    settings = settings_from({}, {"data_dir": tmp_path / "data", "port": 0, **flags})
    return {finding.check: finding for finding in machine_findings(settings, python)}


def test_a_machine_in_order(tmp_path: Path) -> None:
    assert {one.level for one in found(tmp_path).values()} == {Level.OK}
    assert not (tmp_path / "data").exists()


def test_an_old_python(tmp_path: Path) -> None:
    told = found(tmp_path, python=(3, 10, 12))["python"]
    assert (told.level, told.found) == (Level.PROBLEM, "Python 3.10.12")
    assert "3.11" in told.advice


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_data_directory_of_somebody_else(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    told = found(tmp_path)["data-dir"]
    assert told.level is Level.PROBLEM
    assert "--data-dir" in told.advice


def test_a_data_directory_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    told = found(tmp_path)["data-dir"]
    assert told.level is Level.PROBLEM
    assert "--data-dir" in told.advice


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        told = found(tmp_path, port=port)["address"]
    assert told.level is Level.WARNING
    assert f"http://127.0.0.1:{port}/health" in told.advice


def test_an_address_that_everybody_reaches(tmp_path: Path) -> None:
    told = found(tmp_path, host="0.0.0.0")["address"]
    assert told.level is Level.PROBLEM
    assert "127.0.0.1" in told.advice
