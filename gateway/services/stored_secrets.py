"""What a user has stored, as it was at one moment, opened where somebody asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import msgspec

from engine.ports import RegistryLogin, Secret
from gateway.ports.credentials import CredentialKind, StoredCredential
from gateway.ports.vault import Vault
from storage.credentials import DataCredential
from translator.plan.context import UserCredentials


class StoredSecrets:
    """Credentials of one user. Errors of all methods: SealBroken.

    Shape: `key` is the user's sealed key, None where he has none.
    """

    def __init__(self, vault: Vault, user: str, key: bytes | None, rows: Sequence[StoredCredential]) -> None:
        # A row is written together with the key, so one without the other was not made by us.
        self._open = partial(vault.open, key or b"", user)
        self._rows = rows

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing."""
        return not self._rows

    def known(self) -> UserCredentials:
        """What there is, without any value, for judging a spec."""
        return UserCredentials(
            generic={row.name: frozenset(self._values(row)) for row in self._of(CredentialKind.GENERIC)},
            data_profiles=frozenset(row.profile for row in self._of(CredentialKind.DATA) if row.profile),
        )

    def generic(self, names: frozenset[str]) -> Mapping[str, Mapping[str, Secret]]:
        """The values of some generic credentials; those that are gone are missing."""
        return {
            row.name: {key: Secret(value) for key, value in self._values(row).items()}
            for row in self._of(CredentialKind.GENERIC)
            if row.name in names
        }

    def data(self) -> Mapping[str, DataCredential]:
        """The keys to object stores, by profile."""
        return {
            row.profile: msgspec.convert(self._values(row), DataCredential)
            for row in self._of(CredentialKind.DATA)
            if row.profile is not None
        }

    def registries(self) -> tuple[RegistryLogin, ...]:
        """The logins to registries, the narrowest scope first."""
        found = [registry_login(self._values(row)) for row in self._of(CredentialKind.REGISTRY)]
        return tuple(sorted(found, key=lambda login: (-len(login.scope), login.scope)))

    def _of(self, kind: CredentialKind) -> Iterator[StoredCredential]:
        return (row for row in self._rows if row.kind is kind)

    def _values(self, row: StoredCredential) -> dict[str, str]:
        return msgspec.json.decode(self._open(bound_to(row.kind, row.name), row.sealed), type=dict[str, str])


def registry_login(values: Mapping[str, str]) -> RegistryLogin:
    """The login that the values of a registry's credential are."""
    return RegistryLogin(scope=values["registry"], username=values["username"], password=Secret(values["auth"]))


def bound_to(kind: CredentialKind, name: str) -> str:
    """What a sealed credential is bound to beside its user."""
    return f"{kind.value}/{name}"
