"""What was removed of workflows that ended long ago."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision: str | None = "0004"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "removals",
        sa.Column("workflow_uuid", sa.String(32), nullable=False),
        sa.Column("data_removed_at", sa.DateTime()),
        sa.Column("logs_removed_at", sa.DateTime()),
        sa.PrimaryKeyConstraint("workflow_uuid", name="pk_removals"),
        sa.ForeignKeyConstraint(
            ["workflow_uuid"],
            ["workflows.workflow_uuid"],
            name="fk_removals_workflow_uuid",
            ondelete="CASCADE",
        ),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("removals")
