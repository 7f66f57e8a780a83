"""What a posted credential means: its kind, what it opens, and the values to keep.

Source: api.md §2.5; workflow-spec.md §6.5.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from gateway.ports.credentials import CredentialKind
from gateway.schemas.credentials import CredentialBody, DataKey, RegistryCredential
from gateway.services.errors import Refusal
from storage.addresses import bucket_parts
from translator.plan.images import DOCKER_HUB
from translator.plan.urls import LocationError, location
from translator.spec.names import is_name

_HUB_NAMES = frozenset({"", "docker.io", "index.docker.io", DOCKER_HUB})
_SCOPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?(/[A-Za-z0-9._/-]*)?")
_MAX_VALUES = 256
_MAX_NAME_LENGTH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialForm:
    """A credential that was understood. Shape: `values` by key; `profile` what it opens, None for GENERIC."""

    kind: CredentialKind
    profile: str | None
    values: dict[str, str] = field(repr=False)


def understood(name: str, body: CredentialBody) -> CredentialForm:
    """What was posted. Errors: Refusal."""
    if not is_name(name) or len(name) > _MAX_NAME_LENGTH:
        raise Refusal(
            f'"{name[:_MAX_NAME_LENGTH]}" cannot be the name of a credential: expected a letter, then letters, digits, '
            '"-" and "_", ending in a letter or digit.'
        )
    given = [kind for kind in (body.generic_credential, body.registry_credential, body.data_credential) if kind]
    if len(given) != 1:
        raise Refusal(
            "Expected exactly one of `generic_credential`, `registry_credential` and `data_credential`, got "
            f"{len(given) or 'none'}."
        )
    if body.registry_credential is not None:
        return _registry(body.registry_credential)
    if body.data_credential is not None:
        return _data(body.data_credential)
    assert body.generic_credential is not None
    return _generic(body.generic_credential.credential)


def registry_scope(registry: str) -> str:
    """A registry as images name it: without scheme and the port of https, with its path. Errors: Refusal."""
    text = registry.strip()
    if "://" in text:
        text = text.partition("://")[2]
    host, slash, path = text.partition("/")
    host = host.removesuffix(":443")
    if host in _HUB_NAMES:
        host = DOCKER_HUB
    scope = f"{host}{slash}{path}".rstrip("/")
    if not _SCOPE.fullmatch(scope):
        raise Refusal(f'"{registry}" is no image registry: expected `host`, `host:port` or `host/path`.')
    return scope


def _generic(values: dict[str, str]) -> CredentialForm:
    if not values or len(values) > _MAX_VALUES:
        raise Refusal(f"A generic credential has 1 to {_MAX_VALUES} keys; this one has {len(values)}.")
    if wrong := [key for key in values if not key or "/" in key or "\0" in key or key in (".", "..")]:
        raise Refusal(f'"{wrong[0]}" cannot be the key of a credential: it becomes the name of a file.')
    return CredentialForm(kind=CredentialKind.GENERIC, profile=None, values=dict(values))


def _registry(given: RegistryCredential) -> CredentialForm:
    scope = registry_scope(given.registry)
    values = {"registry": scope, "username": given.username, "auth": given.auth}
    return CredentialForm(kind=CredentialKind.REGISTRY, profile=scope, values=values)


def _data(given: DataKey) -> CredentialForm:
    scheme, separator, place = given.endpoint.strip().partition("://")
    endpoint = f"{scheme}{separator}{place.rstrip('/')}"
    if urlsplit(endpoint).scheme in ("http", "https"):
        raise Refusal(
            f'"{given.endpoint}" is the address of a server. Expected a storage location such as s3://bucket as the '
            "endpoint; give the address as `override_url`."
        )
    try:
        # A key may open more than one location: an account, or a namespace.
        location(endpoint + "/-" * _missing_parts(endpoint), local=False)
    except LocationError as error:
        raise Refusal(str(error)) from error
    if given.override_url is not None and urlsplit(given.override_url).scheme not in ("http", "https"):
        raise Refusal(f'"{given.override_url}" is no address: expected http:// or https://.')
    if bool(given.access_key_id) != bool(given.access_key):
        raise Refusal("Expected both `access_key_id` and `access_key`, or neither for the machine's own identity.")
    values = {key: value for key, value in given.model_dump(exclude={"endpoint"}).items() if value}
    return CredentialForm(kind=CredentialKind.DATA, profile=endpoint, values={**values, "endpoint": endpoint})


def names_a_bucket(endpoint: str) -> bool:
    """Whether an endpoint is a place that can be listed; an account, or a namespace of several buckets, is none."""
    return _missing_parts(endpoint) == 0


def _missing_parts(endpoint: str) -> int:
    scheme, _, rest = endpoint.partition("://")
    return max(0, bucket_parts(scheme) - len(rest.split("/"))) if rest else 0
