"""Fixtures of the tests of the documentation."""

from __future__ import annotations

from tests.object_store import s3

__all__ = ["s3"]
