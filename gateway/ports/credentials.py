"""What users keep secret, as the database holds it and as runs get it, and how access is tried. Source: api.md §2.5."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from engine.ports import RegistryLogin
from storage.credentials import DataCredential
from storage.probe import Access


class CredentialKind(StrEnum):
    """What a credential opens: anything, an image registry, or a place in an object store."""

    GENERIC = "GENERIC"
    REGISTRY = "REGISTRY"
    DATA = "DATA"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCredential:
    """One row. Shape: `profile` is what it opens, None for GENERIC; `sealed` holds the values, see `vault`."""

    name: str
    kind: CredentialKind
    profile: str | None
    sealed: bytes


class AccessRefused(Exception):
    """A credential does not open what it should, or nobody answers there; the message says which."""


class AccessProbe(Protocol):
    """Tries credentials out, over the network. Any thread. Errors of all methods: AccessRefused."""

    def data(self, credential: DataCredential) -> None:
        """Return if the credential may list its endpoint."""

    def location(self, url: str, access: Access, credential: DataCredential) -> None:
        """Return if a location is open for something. Nothing stays of the attempt."""

    def registry(self, login: RegistryLogin) -> None:
        """Return if the registry takes the login."""
