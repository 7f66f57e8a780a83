"""Whether logs wait to be brought to the place of logs, seen from the database without changing it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from gateway.ports.archive import ArchiveBacklog
from gateway.ports.faults import StoreUnavailable
from gateway.services.doctor_findings import Finding, warning
from gateway.store.archive_rows import ArchiveReads
from gateway.store.engines import faults_translated, open_engines
from gateway.store.health import is_new_file
from gateway.store.schema import HEAD, revision

_PATIENCE = timedelta(minutes=10)


def backlog_findings(url: str, now: datetime) -> Iterator[Finding]:
    """A warning where logs wait longer than they should; nothing where the database cannot be asked."""
    try:
        parsed = make_url(url)
        if is_new_file(parsed):
            return
        engines = open_engines(url)
    except (ValueError, OSError, SQLAlchemyError):
        return
    try:
        with faults_translated(), engines.reader.connect() as connection:
            if revision(connection) != HEAD:
                return
            yield from _findings(ArchiveReads(connection).archive_backlog(), now)
    except (StoreUnavailable, SQLAlchemyError):
        return
    finally:
        engines.dispose()


def _findings(backlog: ArchiveBacklog, now: datetime) -> Iterator[Finding]:
    if backlog.since is None or not (backlog.problem or now - backlog.since > _PATIENCE):
        return
    since = f"{backlog.since:%Y-%m-%d %H:%M} UTC"
    reason = f": {backlog.problem.rstrip('.')}" if backlog.problem else ""
    yield warning(
        "log-backlog",
        f"{backlog.logs} logs wait since {since} to be brought to their place{reason}.",
        "Mend the place of logs, and see that the gateway that ran these workflows runs; it brings them there itself.",
    )
