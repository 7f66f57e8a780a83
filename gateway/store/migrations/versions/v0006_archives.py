"""Where the logs of workflows are that were brought to the place of logs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision: str | None = "0005"

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "log_archives",
        sa.Column("workflow_uuid", sa.String(32), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime()),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("workflow_uuid", name="pk_log_archives"),
        sa.ForeignKeyConstraint(
            ["workflow_uuid"],
            ["workflows.workflow_uuid"],
            name="fk_log_archives_workflow_uuid",
            ondelete="CASCADE",
        ),
    )
    waiting = sa.text("finished_at IS NULL")
    op.create_index(
        "ix_log_archives_waiting", "log_archives", ["since"], sqlite_where=waiting, postgresql_where=waiting
    )
    op.create_table(
        "archived_objects",
        sa.Column("workflow_uuid", sa.String(32), nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("stored_bytes", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("members", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("workflow_uuid", "name", name="pk_archived_objects"),
        sa.ForeignKeyConstraint(
            ["workflow_uuid"],
            ["workflows.workflow_uuid"],
            name="fk_archived_objects_workflow_uuid",
            ondelete="CASCADE",
        ),
    )


def downgrade() -> None:
    """Take back. Logs that are elsewhere stay there, and nothing leads to them any more."""
    op.drop_table("archived_objects")
    op.drop_index("ix_log_archives_waiting", table_name="log_archives")
    op.drop_table("log_archives")
