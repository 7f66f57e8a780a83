"""Locks of PostgreSQL that go with the connection of their holder. Source: PostgreSQL, "Advisory Locks"."""

from __future__ import annotations

from contextlib import suppress
from hashlib import blake2b

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from gateway.store.engines import Engines, faults_translated

# Keeps our locks apart from those of other programs in the same database.
_SPACE = 0x0A5905


class AdvisoryLocks:
    """Implements `gateway.ports.leadership.Locks` on one connection, which nothing else uses; one thread's."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._connection: Connection | None = None

    def take(self, name: str) -> bool:
        """Whether this process holds the lock now; a lock that it holds already may be taken again."""
        with faults_translated():
            return bool(self._connected().scalar(_TAKE, {"space": _SPACE, "key": _key(name)}))

    def confirm(self) -> None:
        """Ask the server anything; the time of the last question is what others see."""
        try:
            with faults_translated():
                self._connected().scalar(_ASK)
        except BaseException:
            self.release_all()
            raise

    def expel(self, name: str, silent_seconds: float) -> bool:
        """End all connections of a process whose holder of the lock has asked nothing for so long.

        The others too: where it was stopped within a transaction, that would keep its rows locked.
        """
        values = {"space": _SPACE, "key": _key(name), "seconds": silent_seconds}
        with faults_translated():
            return bool(self._connected().execute(_EXPEL, values).all())

    def release_all(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(DBAPIError):
                connection.invalidate()
            connection.close()

    def _connected(self) -> Connection:
        if self._connection is None:
            connection = self._engines.writer.connect()
            self._connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        return self._connection


def _key(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=4).digest()) & 0x7FFFFFFF


_ASK = text("SELECT 1")
# Locks of a session are counted; a second one of the same would have to be given back twice.
_TAKE = text(
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
    " AND classid = :space AND objid = :key AND objsubid = 2 AND granted)"
    " THEN true ELSE pg_try_advisory_lock(:space, :key) END"
)
_EXPEL = text(
    "SELECT pg_terminate_backend(other.pid) FROM pg_locks JOIN pg_stat_activity AS holder USING (pid)"
    " JOIN pg_stat_activity AS other ON other.datid = holder.datid AND (other.pid = holder.pid"
    " OR (other.application_name = holder.application_name AND starts_with(holder.application_name, 'argosmo ')))"
    " WHERE locktype = 'advisory' AND classid = :space AND objid = :key AND objsubid = 2 AND granted"
    " AND database = holder.datid AND holder.datname = current_database()"
    " AND holder.pid <> pg_backend_pid()"
    " AND holder.state_change < clock_timestamp() - make_interval(secs => :seconds)"
)
