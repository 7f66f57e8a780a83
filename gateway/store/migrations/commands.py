"""Alembic's commands on an open connection; the caller commits."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def config(connection: Connection | None = None) -> Config:
    """Alembic's configuration for the migrations of this package."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made


def upgrade(connection: Connection, to: str) -> None:
    """Run the migrations up to a revision (`head`: all)."""
    command.upgrade(config(connection), to)


def downgrade(connection: Connection, to: str) -> None:
    """Undo the migrations down to a revision (`base`: all)."""
    command.downgrade(config(connection), to)
