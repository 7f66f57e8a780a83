"""The tables of datasets. Beside `tables`, whose rules hold here too."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from gateway.store.tables import metadata

__all__ = ["dataset_tags", "dataset_versions", "datasets", "metadata"]

_Name = Text().with_variant(Text(collation="C"), "postgresql")

datasets = Table(
    "datasets",
    metadata,
    Column("name", _Name, primary_key=True),
    Column("location", Text, nullable=False),
    Column("owner", _Name, nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("labels", Text, nullable=False),
    # The number of the newest version there ever was: none is given twice.
    Column("highest", Integer, nullable=False),
    Column("deleted", Boolean, nullable=False),
)

dataset_versions = Table(
    "dataset_versions",
    metadata,
    Column("name", _Name, ForeignKey("datasets.name"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("manifest", String(64), nullable=False),
    Column("location", Text, nullable=False),
    Column("files", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created_by", _Name, nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Column("state", String(8), nullable=False),
    # Not tied to the workflow's row: a version outlives the record of the workflow that made it.
    Column("workflow_uuid", String(32)),
    Column("workflow_id", _Name),
    Column("task", _Name),
    Column("retry_id", Integer),
    Column("output", Integer),
    PrimaryKeyConstraint("name", "version"),
    UniqueConstraint("workflow_uuid", "task", "retry_id", "output"),
)
Index(None, dataset_versions.c.workflow_id)
Index(None, dataset_versions.c.manifest)

dataset_tags = Table(
    "dataset_tags",
    metadata,
    Column("name", _Name, nullable=False),
    Column("tag", _Name, nullable=False),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("name", "tag"),
    ForeignKeyConstraint(["name", "version"], ["dataset_versions.name", "dataset_versions.version"]),
)
