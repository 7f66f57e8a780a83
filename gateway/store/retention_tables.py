"""The table of what was removed of workflows. Beside `tables`, whose rules hold here too."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, ForeignKey, String, Table

from gateway.store.dataset_tables import metadata

__all__ = ["metadata", "removals"]

removals = Table(
    "removals",
    metadata,
    Column("workflow_uuid", String(32), ForeignKey("workflows.workflow_uuid", ondelete="CASCADE"), primary_key=True),
    Column("data_removed_at", DateTime),
    Column("logs_removed_at", DateTime),
)
