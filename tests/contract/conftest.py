"""Fixtures of the contract tests."""

from __future__ import annotations

from tests.databases import database_url, postgres_database, postgres_url, shared_store

__all__ = ["database_url", "postgres_database", "postgres_url", "shared_store"]
