"""Keys to object stores, and which of them opens which location. Source: workflow-spec.md §6.5; api.md §8.2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from storage.faults import StoreError
from storage.urls import Location
from translator.plan.urls import LocationError
from translator.plan.urls import location as understood


class DataCredential(msgspec.Struct, frozen=True, kw_only=True):
    """A key to a place in an object store; without keys the machine's own identity is used.

    Shape: `override_url` is the address of a store that is not its scheme's usual one, `addressing_style` one of
    `path`, `virtual`, `auto`.
    """

    endpoint: str = ""
    region: str | None = None
    override_url: str | None = None
    addressing_style: str | None = None
    access_key_id: str | None = None
    access_key: str | None = None

    def __repr__(self) -> str:
        return f"DataCredential(endpoint={self.endpoint!r})"


class Keyring(Protocol):
    """Chooses the credential for a location."""

    def credential(self, location: Location) -> DataCredential | None:
        """The credential; None where there is none and the machine's own identity may serve. Errors: StoreError."""


@dataclass(frozen=True, slots=True)
class OneKey:
    """One credential for everything, as the service has it for its own store."""

    key: DataCredential | None = field(repr=False)

    def credential(self, location: Location) -> DataCredential | None:
        """The one."""
        return self.key


@dataclass(frozen=True, slots=True)
class UserKeys:
    """A user's credentials. Shape: by profile, such as `s3://bucket`."""

    by_profile: Mapping[str, DataCredential] = field(repr=False)

    def credential(self, location: Location) -> DataCredential | None:
        """The credential of the location's profile."""
        try:
            place = understood(location.url, local=False)
        except LocationError as error:
            raise StoreError(str(error)) from error
        found = self.by_profile.get(place.profile)
        if found is None and not place.ambient:
            raise StoreError(f"No credential for {place.profile}. Store one with `credential set`, of type DATA.")
        return found


def one_key(document: bytes) -> OneKey:
    """The service's credential from its JSON, `{}` for none. Errors: msgspec.MsgspecError."""
    key = msgspec.json.decode(document, type=DataCredential)
    return OneKey(None if key == DataCredential() else key)


def user_keys(document: bytes) -> UserKeys:
    """A user's credentials from their JSON: an object, profile to credential. Errors: msgspec.MsgspecError."""
    return UserKeys(msgspec.json.decode(document, type=dict[str, DataCredential]))
