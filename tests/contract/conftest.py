"""Fixtures of the contract tests."""

from __future__ import annotations

from tests.azure_store import azurite
from tests.databases import database_url, postgres_database, postgres_url, shared_store
from tests.object_store import s3

__all__ = ["azurite", "database_url", "postgres_database", "postgres_url", "s3", "shared_store"]
