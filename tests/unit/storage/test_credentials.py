"""Which key opens which location."""

from __future__ import annotations

import msgspec
import pytest

from storage.credentials import DataCredential, one_key, user_keys
from storage.faults import StoreError
from storage.urls import parse_location

USER = b"""{"s3://mine": {"access_key_id": "a", "access_key": "b"}, "tos://host/b": {"access_key_id": "c"}}"""


@pytest.mark.parametrize(
    ("url", "key"), [("s3://mine", "a"), ("s3://mine/x/y", "a"), ("tos://host/b/x", "c"), ("s3://other/x", None)]
)
def test_a_user_has_one_key_a_profile(url: str, key: str | None) -> None:
    """§6.5 credential profile: s3://bucket; ambient identity where the scheme allows it."""
    found = user_keys(USER).credential(parse_location(url))
    assert (found.access_key_id if found else None) == key


@pytest.mark.parametrize("url", ["gs://bucket/x", "tos://host/other/x", "swift://host/ns/b"])
def test_schemes_without_an_ambient_identity_need_a_key(url: str) -> None:
    with pytest.raises(StoreError, match=r"No credential for .*credential set"):
        user_keys(USER).credential(parse_location(url))


def test_the_service_has_one_key_for_all_or_none() -> None:
    assert one_key(b"{}").credential(parse_location("s3://b")) is None
    found = one_key(b'{"endpoint": "s3://b/p", "access_key": "k", "new": 1}').credential(parse_location("s3://b/p/x"))
    assert found == DataCredential(endpoint="s3://b/p", access_key="k")


@pytest.mark.parametrize("text", [b"", b"[]", b'{"endpoint": 1}'])
def test_broken_documents_are_errors(text: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        one_key(text)
