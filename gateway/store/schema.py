"""Brings a database to the newest schema, under a lock, so that any number of processes may start at once."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, inspect, text

from engine.crashpoints import crash_point
from gateway.ports.faults import StoreTooNew
from gateway.store.archive_tables import metadata

# All revisions, oldest first; a test compares them with the files in `migrations/versions`.
REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006")
HEAD = REVISIONS[-1]

# Any number will do, as long as nobody else uses it in the same database.
_LOCK = 0x6172676F736D6F

# As Alembic itself would make it.
_ALEMBIC_TABLE = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)


def migrate(engine: Engine) -> None:
    """Create the tables of an empty database, or run the migrations that an older one lacks.

    Errors: StoreTooNew where the database has a revision that this version does not know.
    """
    with engine.connect() as connection, connection.begin():
        # An SQLite writer holds its lock since BEGIN IMMEDIATE.
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
        found = revision(connection)
        if found == HEAD:
            return
        if found is None:
            # The same tables as all migrations together, which a test proves, without loading Alembic.
            metadata.create_all(connection)
            connection.execute(text(_ALEMBIC_TABLE))
            connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
        else:
            _upgrade(connection, found)
        crash_point("store.migrated")


def revision(connection: Connection) -> str | None:
    """The revision that a database is at; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return found


def _upgrade(connection: Connection, found: str) -> None:
    if found not in REVISIONS:
        raise StoreTooNew(
            f"The database is at revision {found!r}, which this version of argosmo does not know (it knows up to "
            f"{HEAD!r}). Run the version that wrote it, or choose another database."
        )
    # Alembic doubles the time to start, and nearly every start finds the newest schema.
    from gateway.store.migrations.commands import upgrade  # noqa: PLC0415

    upgrade(connection, HEAD)
