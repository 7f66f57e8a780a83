"""Rows of what users keep secret: the credentials, sealed, and the key of each user, sealed too."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import bindparam, delete, insert, select

from gateway.ports.credentials import CredentialKind, StoredCredential
from gateway.store.connection import Connected
from gateway.store.tables import credentials, user_keys
from gateway.store.texts import clean

_CREDENTIALS = select(credentials).where(credentials.c.user_name == bindparam("user")).order_by(credentials.c.cred_name)


class CredentialReads(Connected):
    """Implements the credentials' part of `gateway.ports.store.Reads`."""

    def credentials(self, user: str) -> tuple[StoredCredential, ...]:
        """All of a user's, by name."""
        return tuple(
            StoredCredential(
                name=row.cred_name,
                kind=CredentialKind(row.cred_type),
                profile=row.profile,
                sealed=row.payload,
            )
            for row in self._connection.execute(_CREDENTIALS, {"user": clean(user)})
        )

    def user_key(self, user: str) -> bytes | None:
        """The user's sealed key; None where he has none yet."""
        chosen = select(user_keys.c.sealed).where(user_keys.c.user_name == clean(user))
        found: bytes | None = self._connection.execute(chosen).scalar_one_or_none()
        return found

    def user_keys(self) -> Mapping[str, bytes]:
        """The sealed keys of all users."""
        return {row.user_name: row.sealed for row in self._connection.execute(select(user_keys))}


class CredentialWrites(CredentialReads):
    """Implements the credentials' part of `gateway.ports.store.Writes`."""

    def put_credential(self, user: str, credential: StoredCredential) -> None:
        """Store one; those of the same name or the same profile give way to it."""
        own = credentials.c.user_name == clean(user)
        same = credentials.c.cred_name == credential.name
        if credential.profile is not None:
            same |= credentials.c.profile == credential.profile
        self._connection.execute(delete(credentials).where(own, same))
        values = {
            "user_name": clean(user),
            "cred_name": credential.name,
            "cred_type": credential.kind.value,
            "profile": credential.profile,
            "payload": credential.sealed,
        }
        self._connection.execute(insert(credentials).values(values))

    def delete_credential(self, user: str, name: str) -> bool:
        """Remove one; whether it was there."""
        chosen = delete(credentials).where(credentials.c.user_name == clean(user), credentials.c.cred_name == name)
        return self._connection.execute(chosen).rowcount > 0

    def new_user_key(self, user: str, sealed: bytes) -> bytes:
        """Give a user a key unless he has one, and return the one he has."""
        self._connection.execute(self._insert_new(user_keys).values(user_name=clean(user), sealed=sealed))
        found = self.user_key(user)
        assert found is not None
        return found

    def replace_user_key(self, user: str, sealed: bytes) -> None:
        """Keep a user's key sealed in another way."""
        chosen = user_keys.c.user_name == clean(user)
        self._connection.execute(user_keys.update().where(chosen).values(sealed=sealed))
