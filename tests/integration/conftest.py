"""Fixtures of the integration tests."""

from __future__ import annotations

from tests.databases import database_url, postgres_database, postgres_emptied, postgres_url
from tests.object_store import s3

__all__ = ["database_url", "postgres_database", "postgres_emptied", "postgres_url", "s3"]
