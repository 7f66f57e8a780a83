"""The schema by migrations, the schema by the models, and several processes that want it at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from gateway.ports.faults import StoreTooNew
from gateway.ports.records import Page, WorkflowFilter
from gateway.store.engines import open_engines
from gateway.store.migrations.commands import config, downgrade, upgrade
from gateway.store.schema import HEAD, REVISIONS, migrate, revision
from gateway.store.session import open_store
from gateway.store.tables import metadata
from tests.workplace import insert, plan

ROOT = Path(__file__).parents[2]


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """A connection whose changes are committed at the end."""
    engines = open_engines(url)
    try:
        with engines.writer.connect() as connection, connection.begin():
            yield connection
    finally:
        engines.dispose()


def test_revisions_are_the_files() -> None:
    scripts = ScriptDirectory.from_config(config())
    assert tuple(script.revision for script in reversed(list(scripts.walk_revisions()))) == REVISIONS
    assert scripts.get_heads() == [HEAD]


def test_migrations_lead_to_the_models(database_url: str) -> None:
    with connected(database_url) as connection:
        upgrade(connection, "head")
        migrated = shape(connection)
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        downgrade(connection, "base")
        connection.execute(text("DROP TABLE alembic_version"))
    open_store(database_url).close()
    with connected(database_url) as connection:
        assert shape(connection) == migrated
        assert revision(connection) == HEAD


def test_down_and_up_again(database_url: str) -> None:
    with connected(database_url) as connection:
        upgrade(connection, "head")
        before = shape(connection)
        for step in (*reversed(REVISIONS[:-1]), "base"):
            downgrade(connection, step)
        assert {table for table, _ in shape(connection)} == {"alembic_version"}
        for step in REVISIONS:
            upgrade(connection, step)
        assert shape(connection) == before


def test_opening_again_keeps_what_is_there(database_url: str) -> None:
    store = open_store(database_url)
    insert(store, plan())
    store.close()
    again = open_store(database_url)
    with again.reading() as reads:
        assert len(reads.workflows(WorkflowFilter(), Page()).workflows) == 1
    again.close()


def test_a_later_version_is_left_alone(database_url: str) -> None:
    open_store(database_url).close()
    with connected(database_url) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'from-the-future'"))
    with pytest.raises(StoreTooNew, match="from-the-future"):
        open_store(database_url)


@pytest.mark.parametrize("older", REVISIONS[:-1])
def test_an_older_version_is_migrated(database_url: str, older: str) -> None:
    with connected(database_url) as connection:
        upgrade(connection, "head")
        expected = shape(connection)
        downgrade(connection, older)
        assert shape(connection) != expected
    engines = open_engines(database_url)
    migrate(engines.writer)
    engines.dispose()
    with connected(database_url) as connection:
        assert shape(connection) == expected
        assert revision(connection) == HEAD


def test_processes_may_start_at_once(database_url: str) -> None:
    program = "import sys; from gateway.store.session import open_store; open_store(sys.argv[1]).close(); print('ok')"
    processes = [
        subprocess.Popen([sys.executable, "-c", program, database_url], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [process.communicate()[0].strip() for process in processes] == ["ok"] * 3
    with connected(database_url) as connection:
        assert revision(connection) == HEAD


def shape(connection: Connection) -> set[tuple[str, str]]:
    """Every column, key and index of every table, as the database itself tells them."""
    if connection.dialect.name == "sqlite":
        return set(_sqlite_shape(connection))
    return set(_postgresql_shape(connection))


def _sqlite_shape(connection: Connection) -> Iterator[tuple[str, str]]:
    rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'table'")).all()
    for table, sql in rows:
        if table.startswith("sqlite_"):
            continue
        yield table, f"autoincrement {'AUTOINCREMENT' in sql}"
        for kind in ("table_xinfo", "foreign_key_list"):
            for row in connection.execute(text(f'PRAGMA {kind}("{table}")')):
                yield table, f"{kind} {tuple(row)}"
        for index in connection.execute(text(f'PRAGMA index_list("{table}")')).all():
            columns = [tuple(row) for row in connection.execute(text(f'PRAGMA index_xinfo("{index.name}")'))]
            made = connection.execute(
                text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": index.name}
            ).scalar_one()
            yield table, f"index {index.unique} {index.origin} {columns} {made}"


def _postgresql_shape(connection: Connection) -> Iterator[tuple[str, str]]:
    for query in (
        "SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default, "
        "collation_name FROM information_schema.columns WHERE table_schema = 'public'",
        "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace",
    ):
        for row in connection.execute(text(query)):
            yield row[0], str(tuple(row[1:]))
