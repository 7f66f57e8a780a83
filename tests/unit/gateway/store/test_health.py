"""What is said of the database, which is left as it is."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from gateway.services.doctor_findings import Level
from gateway.store.health import database_findings
from gateway.store.session import open_store


def told(url: str) -> tuple[Level, str, str]:
    (finding,) = database_findings(url)
    return finding.level, finding.found, finding.advice


def test_a_database_that_does_not_exist_yet(tmp_path: Path) -> None:
    level, found, _advice = told(f"sqlite:///{tmp_path / 'new.db'}")
    assert level is Level.OK
    assert "does not exist yet" in found
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_this_version(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    open_store(url).close()
    level, found, _advice = told(url)
    assert level is Level.OK
    assert "newest schema" in found


def test_a_database_of_a_newer_version(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    open_store(url).close()
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    level, found, advice = told(url)
    assert level is Level.PROBLEM
    assert "9999" in found
    assert "version of argosmo that wrote it" in advice


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("hello " * 1000)
    level, _found, advice = told(f"sqlite:///{tmp_path / 'a.db'}")
    assert level is Level.PROBLEM
    assert "--database" in advice


@pytest.mark.parametrize(
    "url", ["mysql://host/name", "what", "postgresql://me:secret@127.0.0.1:1/name"], ids=["kind", "no-url", "down"]
)
def test_a_database_that_cannot_be_reached(url: str) -> None:
    level, found, advice = told(url)
    assert level is Level.PROBLEM
    assert "--database" in advice
    assert "secret" not in found
