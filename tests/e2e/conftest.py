"""Fixtures of the tests from end to end."""

from tests.object_store import s3

__all__ = ["s3"]
