"""Credentials on the wire. Source: api.md §2.5."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.schemas.wire import Reply, Text


class CredentialEntry(Reply):
    """One credential without its values."""

    cred_name: str
    cred_type: Literal["DATA", "REGISTRY", "GENERIC"]
    profile: str | None = None


class CredentialList(Reply):
    """The caller's credentials."""

    credentials: list[CredentialEntry]


class _Secret(BaseModel):
    """Base of what holds secrets: never shown whole, unknown keys refused with 422."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class GenericCredential(_Secret):
    """Any values by key."""

    credential: dict[Text, Text] = Field(repr=False)


class RegistryCredential(_Secret):
    """A login to an image registry."""

    registry: Text = ""
    username: Text = ""
    auth: Text = Field(repr=False, min_length=1)


class DataKey(_Secret):
    """A key to a place in an object store."""

    endpoint: Text
    access_key_id: Text = ""
    access_key: Text = Field(default="", repr=False)
    region: Text | None = None
    override_url: Text | None = None
    addressing_style: Literal["virtual", "path", "auto"] | None = None


class CredentialBody(BaseModel):
    """Exactly one of the three."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    generic_credential: GenericCredential | None = None
    registry_credential: RegistryCredential | None = None
    data_credential: DataKey | None = None
