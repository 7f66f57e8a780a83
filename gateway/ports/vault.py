"""The port to what seals secrets before they are stored, and opens them again.

An envelope of two keys: a master key, which lies outside of the database, seals one key per user; that one seals the
user's secrets. Everything sealed is bound to its owner and its name, so that it opens nowhere else.
Source: api.md §7 (encryption).
"""

from __future__ import annotations

from typing import Protocol


class SealBroken(Exception):
    """Something sealed does not open: the key is not known, or it was changed or moved; the message says what to do."""


class Vault(Protocol):
    """Seals and opens. Any thread. Errors of all methods: SealBroken."""

    def new_user_key(self, user: str) -> bytes:
        """A new key for a user, sealed."""

    def seal(self, user_key: bytes, user: str, name: str, secret: bytes) -> bytes:
        """A secret of a user, sealed with the user's sealed key."""

    def open(self, user_key: bytes, user: str, name: str, sealed: bytes) -> bytes:
        """What was sealed under the same user and name."""

    def resealed(self, user_key: bytes, user: str) -> bytes | None:
        """The user's key, sealed with the current master key; None where it is already."""
