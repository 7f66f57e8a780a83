"""The database, opened: reading and writing sessions, and who may commit."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from engine.crashpoints import crash_point
from gateway.ports.faults import StoreUnavailable
from gateway.store.advisory import AdvisoryLocks
from gateway.store.archive_rows import ArchiveReads, ArchiveWrites
from gateway.store.credential_rows import CredentialReads, CredentialWrites
from gateway.store.dataset_rows import DatasetReads
from gateway.store.dataset_writes import DatasetWrites
from gateway.store.engines import Engines, commit_durably, faults_translated, open_engines
from gateway.store.retention_rows import RetentionReads, RetentionWrites
from gateway.store.run_reads import RunReads
from gateway.store.run_writes import RunWrites
from gateway.store.schema import migrate
from gateway.store.task_reads import TaskReads
from gateway.store.workflow_reads import WorkflowReads
from gateway.store.workflow_writes import WorkflowWrites

# In one process writers wait for each other here; SQLite itself would have them poll.
_WRITER_TIMEOUT_SECONDS = 60.0


class ReadSession(WorkflowReads, TaskReads, RunReads, CredentialReads, DatasetReads, RetentionReads, ArchiveReads):
    """A reading session: implements `gateway.ports.store.Reads`."""


class WriteSession(
    WorkflowWrites, RunWrites, CredentialWrites, DatasetWrites, RetentionWrites, ArchiveWrites, TaskReads, RunReads
):
    """A writing session: implements `gateway.ports.store.Writes`."""


class SqlStore:
    """Implements `gateway.ports.store.Store` over SQLAlchemy Core."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._writer = threading.Lock() if engines.is_sqlite else None
        self._counts: Counter[str] = Counter()

    @contextmanager
    def reading(self) -> Iterator[ReadSession]:
        """A session that sees one consistent state and changes nothing."""
        self._counts["read"] += 1
        with faults_translated(), self._engines.reader.connect() as connection:
            yield ReadSession(connection)

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[WriteSession]:
        """A session whose changes are committed together at the end of the block."""
        with self._one_writer(), faults_translated(), self._engines.writer.connect() as connection:
            commit_durably(connection, durable=durable)
            with connection.begin() as transaction:
                try:
                    yield WriteSession(connection)
                except BaseException:
                    self._counts["rolled_back"] += 1
                    raise
                crash_point("store.before-commit")
                transaction.commit()
                crash_point("store.after-commit")
            self._counts["committed"] += 1

    def counts(self) -> Mapping[str, int]:
        """How often sessions were opened for reading, committed and rolled back."""
        return {name: self._counts[name] for name in ("read", "committed", "rolled_back")}

    def locks(self) -> AdvisoryLocks | None:
        """Locks among all processes that use the database, wherever they run; None where it has none (SQLite)."""
        return None if self._engines.is_sqlite else AdvisoryLocks(self._engines)

    def close(self) -> None:
        """Let go of all connections."""
        self._engines.dispose()

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        if self._writer is None:
            yield
            return
        if not self._writer.acquire(timeout=_WRITER_TIMEOUT_SECONDS):
            raise StoreUnavailable(f"Another write has taken more than {_WRITER_TIMEOUT_SECONDS:.0f} seconds.")
        try:
            yield
        finally:
            self._writer.release()


def open_store(url: str) -> SqlStore:
    """The database behind `sqlite:///<path>` or `postgresql://…`, created or migrated to the newest schema.

    Several processes may do this at the same time. Errors: ValueError for another kind of URL; StoreTooNew;
    StoreUnavailable.
    """
    engines = open_engines(url)
    try:
        with faults_translated():
            migrate(engines.writer)
    except BaseException:
        engines.dispose()
        raise
    return SqlStore(engines)
