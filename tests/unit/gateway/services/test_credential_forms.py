"""What a posted credential means. Rules of api.md §2.5 and workflow-spec.md §6.5, quoted."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.ports.credentials import CredentialKind
from gateway.schemas.credentials import CredentialBody
from gateway.services.credential_forms import names_a_bucket, registry_scope, understood
from gateway.services.errors import Refusal


def form(name: str = "mine", /, **body: object) -> Any:
    return understood(name, CredentialBody.model_validate(body))


def data(endpoint: str, **more: Any) -> Any:
    return form(data_credential={"endpoint": endpoint, "access_key_id": "AK", "access_key": "SK", **more})


@pytest.mark.parametrize(
    ("given", "scope"),
    [
        # "`registry` empty or `docker.io` means Docker Hub"
        ("", "registry-1.docker.io"),
        ("docker.io", "registry-1.docker.io"),
        # "a scheme is dropped, port 443 is dropped, a path prefix is kept (scope)"
        ("https://nvcr.io:443/nvidia/isaac/", "nvcr.io/nvidia/isaac"),
        ("nvcr.io", "nvcr.io"),
        ("localhost:5000/team", "localhost:5000/team"),
    ],
)
def test_scopes_of_registries(given: str, scope: str) -> None:
    assert registry_scope(given) == scope


@pytest.mark.parametrize("given", ["a b", "-x", "host:port", "?", "a//b c", "ü"])
def test_what_is_no_registry(given: str) -> None:
    with pytest.raises(Refusal, match="is no image registry"):
        registry_scope(given)


@pytest.mark.parametrize("name", ["a", "My_cred-1"])
def test_names(name: str) -> None:
    assert form(name, generic_credential={"credential": {"k": "v"}}).kind is CredentialKind.GENERIC


@pytest.mark.parametrize("name", ["", "1a", "a-", "a b", "ä", "a/b", "x" * 300])
def test_names_that_cannot_be(name: str) -> None:
    """Same shape as token names: letter first, then letters, digits, `-`, `_`, ending in a letter or digit."""
    with pytest.raises(Refusal, match="cannot be the name of a credential"):
        form(name, generic_credential={"credential": {"k": "v"}})


@pytest.mark.parametrize(
    "body",
    [{}, {"generic_credential": {"credential": {"k": "v"}}, "registry_credential": {"auth": "x"}}],
)
def test_exactly_one_kind(body: dict[str, object]) -> None:
    """Zero or several kinds in one body: 400 `USER`."""
    with pytest.raises(Refusal, match="exactly one of") as caught:
        form(**body)
    assert caught.value.error_code == "USER"


@pytest.mark.parametrize(
    ("endpoint", "profile"),
    [
        # "`profile` shown = endpoint without trailing slash"
        ("s3://bucket/", "s3://bucket"),
        ("gs://bucket", "gs://bucket"),
        ("azure://account", "azure://account"),
        ("swift://host/namespace", "swift://host/namespace"),
        ("tos://host/bucket", "tos://host/bucket"),
    ],
)
def test_places_of_data(endpoint: str, profile: str) -> None:
    found = data(endpoint)
    assert (found.kind, found.profile) == (CredentialKind.DATA, profile)
    assert found.values["endpoint"] == profile


@pytest.mark.parametrize(
    ("endpoint", "is_one"),
    [
        ("s3://b", True),
        ("gs://b", True),
        ("azure://account", False),
        ("azure://account/container", True),
        ("swift://host/ns", False),
        ("swift://host/ns/bucket", True),
        ("tos://host/bucket", True),
    ],
)
def test_which_places_can_be_listed(endpoint: str, is_one: bool) -> None:
    assert names_a_bucket(endpoint) is is_one


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"endpoint": "https://minio:9000"}, "give the address as `override_url`"),
        ({"endpoint": "ftp://x"}, "Unknown URI scheme: ftp"),
        ({"endpoint": "bucket"}, "Unknown URI scheme"),
        ({"endpoint": ""}, "Unknown URI scheme"),
        ({"endpoint": "s3://"}, "not a storage location"),
        ({"endpoint": "s3://b", "override_url": "minio:9000"}, "expected http:// or https://"),
        ({"endpoint": "s3://b", "access_key": ""}, "Expected both"),
    ],
)
def test_places_that_cannot_be(body: dict[str, str], said: str) -> None:
    with pytest.raises(Refusal, match=said):
        data(**body)


@pytest.mark.parametrize("key", ["", "a/b", "..", "x\0"])
def test_keys_become_names_of_files(key: str) -> None:
    with pytest.raises(Refusal, match="cannot be the key of a credential"):
        form(generic_credential={"credential": {key: "v"}})


def test_values_are_not_shown() -> None:
    body = CredentialBody.model_validate({"registry_credential": {"auth": "hush"}})
    assert "hush" not in repr(body) + repr(understood("a", body))
