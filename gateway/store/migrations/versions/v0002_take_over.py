"""What a gateway needs to take over from one on another machine: how far logs go, and the keys of tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Apply."""
    op.add_column("log_segments", sa.Column("ends", sa.Text(), nullable=True))
    op.create_table(
        "signing_keys",
        sa.Column("name", NAME, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_signing_keys"),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("signing_keys")
    op.drop_column("log_segments", "ends")
