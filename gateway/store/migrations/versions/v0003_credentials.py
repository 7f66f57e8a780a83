"""What users keep secret: credentials, and the key of each user they are sealed with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "credentials",
        sa.Column("user_name", NAME, nullable=False),
        sa.Column("cred_name", NAME, nullable=False),
        sa.Column("cred_type", sa.String(8), nullable=False),
        sa.Column("profile", NAME),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("user_name", "cred_name", name="pk_credentials"),
        sa.UniqueConstraint("user_name", "profile", name="uq_credentials_user_name_profile"),
    )
    op.create_table(
        "user_keys",
        sa.Column("user_name", NAME, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("user_name", name="pk_user_keys"),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("user_keys")
    op.drop_table("credentials")
