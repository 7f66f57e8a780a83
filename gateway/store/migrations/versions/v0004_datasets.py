"""Datasets: their names, versions and tags."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "datasets",
        sa.Column("name", NAME, nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("owner", NAME, nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("highest", sa.Integer(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_datasets"),
    )
    op.create_table(
        "dataset_versions",
        sa.Column("name", NAME, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("manifest", sa.String(64), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("files", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_by", NAME, nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("workflow_uuid", sa.String(32)),
        sa.Column("workflow_id", NAME),
        sa.Column("task", NAME),
        sa.Column("retry_id", sa.Integer()),
        sa.Column("output", sa.Integer()),
        sa.PrimaryKeyConstraint("name", "version", name="pk_dataset_versions"),
        sa.ForeignKeyConstraint(["name"], ["datasets.name"], name="fk_dataset_versions_name"),
        sa.UniqueConstraint(
            "workflow_uuid", "task", "retry_id", "output", name="uq_dataset_versions_workflow_uuid_task_retry_id_output"
        ),
    )
    op.create_index("ix_dataset_versions_workflow_id", "dataset_versions", ["workflow_id"])
    op.create_index("ix_dataset_versions_manifest", "dataset_versions", ["manifest"])
    op.create_table(
        "dataset_tags",
        sa.Column("name", NAME, nullable=False),
        sa.Column("tag", NAME, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", "tag", name="pk_dataset_tags"),
        sa.ForeignKeyConstraint(
            ["name", "version"],
            ["dataset_versions.name", "dataset_versions.version"],
            name="fk_dataset_tags_name_version",
        ),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("dataset_tags")
    op.drop_index("ix_dataset_versions_manifest", table_name="dataset_versions")
    op.drop_index("ix_dataset_versions_workflow_id", table_name="dataset_versions")
    op.drop_table("dataset_versions")
    op.drop_table("datasets")
