"""The tables of logs that are elsewhere. Beside `tables`, whose rules hold here too."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Index, PrimaryKeyConstraint, String, Table, Text

from gateway.store.retention_tables import metadata

__all__ = ["archive_is_waiting", "archived_objects", "log_archives", "metadata"]

_Name = Text().with_variant(Text(collation="C"), "postgresql")

log_archives = Table(
    "log_archives",
    metadata,
    Column("workflow_uuid", String(32), ForeignKey("workflows.workflow_uuid", ondelete="CASCADE"), primary_key=True),
    Column("since", DateTime, nullable=False),
    Column("finished_at", DateTime),
    Column("problem", Text, nullable=False),
)
# A query uses this partial index only if it says the very same words.
archive_is_waiting = log_archives.c.finished_at.is_(None)
Index(
    "ix_log_archives_waiting",
    log_archives.c.since,
    sqlite_where=archive_is_waiting,
    postgresql_where=archive_is_waiting,
)

archived_objects = Table(
    "archived_objects",
    metadata,
    Column("workflow_uuid", String(32), ForeignKey("workflows.workflow_uuid", ondelete="CASCADE"), nullable=False),
    Column("name", _Name, nullable=False),
    Column("place", Text, nullable=False),
    Column("stored_bytes", BigInteger, nullable=False),
    Column("lines", BigInteger, nullable=False),
    Column("members", Text, nullable=False),
    PrimaryKeyConstraint("workflow_uuid", "name"),
)
