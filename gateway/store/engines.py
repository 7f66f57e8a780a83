"""Connections to SQLite or PostgreSQL, set up so that the rest of the store need not know which it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from gateway.ports.faults import StoreUnavailable

BUSY_TIMEOUT_SECONDS = 30
READERS = 8
READERS_OVERFLOW = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """Where reading and writing sessions get their connections; the same engine twice on PostgreSQL."""

    reader: Engine
    writer: Engine

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a file of ours, with one writer."""
        return self.writer.dialect.name == "sqlite"

    def dispose(self) -> None:
        """Close all connections."""
        self.reader.dispose()
        self.writer.dispose()


def open_engines(url: str) -> Engines:
    """Engines for `sqlite:///<path>` or `postgresql://…`; nothing is connected yet, but SQLite's directory exists.

    Errors: ValueError for another kind of URL.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ValueError(f"{url!r} is no database URL; expected sqlite:///<path> or postgresql://…") from error
    match parsed.get_backend_name():
        case "sqlite":
            return _sqlite(parsed)
        case "postgresql" | "postgres":
            return _postgresql(parsed)
        case other:
            raise ValueError(f"No support for databases of type {other!r}; expected sqlite:///<path> or postgresql://…")


@contextmanager
def faults_translated() -> Iterator[None]:
    """Turn the database's "not now" into StoreUnavailable; all other errors pass as they are."""
    try:
        yield
    except PoolTimeout as error:
        raise StoreUnavailable("All database connections are in use.") from error
    except DBAPIError as error:
        if not _is_passing(error):
            raise
        raise StoreUnavailable(f"The database cannot be used now: {error.orig}") from error


def commit_durably(connection: Connection, *, durable: bool) -> None:
    """Say whether the next transaction of an SQLite writer is flushed to the disk when it commits.

    WAL with `synchronous = NORMAL` loses nothing when the process dies and never tears the database, but a power cut
    may take the last transactions; FULL flushes each one. It can only be said outside a transaction.
    """
    raw = connection.connection.driver_connection
    if isinstance(raw, sqlite3.Connection) and connection.info.get(_DURABLE, False) is not durable:
        raw.execute("PRAGMA synchronous = FULL" if durable else "PRAGMA synchronous = NORMAL")
        connection.info[_DURABLE] = durable


# Remembers with a connection what it was told last; a new one starts with NORMAL.
_DURABLE = "argosmo-durable"
_PASSING_SQLITE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_NOMEM,
    }
)


def _is_passing(error: DBAPIError) -> bool:
    cause = error.orig
    if isinstance(cause, sqlite3.OperationalError):
        # The low byte is the class of an extended code such as SQLITE_IOERR_FSYNC.
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in _PASSING_SQLITE
    return isinstance(error, OperationalError | InterfaceError) and not isinstance(cause, sqlite3.Error)


def _postgresql(url: URL) -> Engines:
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=READERS,
        max_overflow=READERS_OVERFLOW,
        pool_timeout=BUSY_TIMEOUT_SECONDS,
        pool_pre_ping=True,
        # Times are naive UTC everywhere; without this a server in another zone would shift what it is asked to now().
        # The name tells the server which connections are one process's.
        connect_args={
            "options": "-c timezone=UTC",
            "connect_timeout": 10,
            "application_name": f"argosmo {uuid4().hex}",
        },
    )
    # Several questions of one session must see one state.
    reader = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return Engines(reader=reader, writer=engine)


def _sqlite(url: URL) -> Engines:
    if not url.database or url.database == ":memory:":
        raise ValueError("SQLite needs a file that several connections can share: sqlite:///<path>")
    Path(url.database).absolute().parent.mkdir(parents=True, exist_ok=True)
    options = {"timeout": BUSY_TIMEOUT_SECONDS, "cached_statements": 256, "check_same_thread": False}
    reader = create_engine(
        url,
        connect_args=options,
        pool_size=READERS,
        max_overflow=READERS_OVERFLOW,
        pool_timeout=BUSY_TIMEOUT_SECONDS,
    )
    writer = create_engine(url, connect_args=options, pool_size=1, max_overflow=0, pool_timeout=BUSY_TIMEOUT_SECONDS)
    event.listen(reader, "connect", _prepare_reader)
    event.listen(writer, "connect", _prepare_writer)
    event.listen(reader, "begin", _begin)
    event.listen(writer, "begin", _begin_immediate)
    return Engines(reader=reader, writer=writer)


def _prepare_reader(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    _run_pragmas(connection, "temp_store = MEMORY", "query_only = ON")


def _prepare_writer(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    _run_pragmas(
        connection,
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
        "temp_store = MEMORY",
        f"journal_size_limit = {64 * 1024 * 1024}",
    )


def _run_pragmas(connection: DBAPIConnection, *pragmas: str) -> None:
    # Python's driver would open transactions by itself, late and never IMMEDIATE; `_begin` does it instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in pragmas:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _begin_immediate(connection: Connection) -> None:
    # Taking the write lock first means waiting at the start instead of failing in the middle.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
