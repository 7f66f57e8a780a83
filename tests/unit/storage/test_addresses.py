"""Where URLs lead, and how a client of a bucket is set up."""

from __future__ import annotations

import pytest

from storage.addresses import address_of, s3_config
from storage.credentials import DataCredential
from storage.faults import UnsupportedLocation
from storage.urls import parse_location


@pytest.mark.parametrize(
    ("url", "endpoint", "bucket", "key"),
    [
        ("s3://bucket", "", "bucket", ()),
        ("s3://bucket/", "", "bucket", ()),
        ("s3://bucket/a b/%20//", "", "bucket", ("a b", "%20")),
        ("gs://bucket/a", "https://storage.googleapis.com", "bucket", ("a",)),
        ("swift://host:443/AUTH_x/bucket/a/b", "https://host:443", "bucket", ("a", "b")),
        ("tos://tos-s3.example.com/bucket/a", "https://tos-s3.example.com", "bucket", ("a",)),
        ("azure://account/container/a/b/", "", "container", ("a", "b")),
    ],
)
def test_addresses(url: str, endpoint: str, bucket: str, key: tuple[str, ...]) -> None:
    """§6.5 the forms of the schemes; trailing slashes allowed."""
    found = address_of(parse_location(url))
    assert (found.endpoint, found.bucket, found.key) == (endpoint, bucket, key)


@pytest.mark.parametrize(
    "url", ["s3://b/a//b", "s3://b/../x", "s3://b/./x", "swift://host/ns", "tos://host", "s3:///x", "azure://account"]
)
def test_what_is_no_place_in_a_bucket_is_refused(url: str) -> None:
    with pytest.raises(UnsupportedLocation, match="Expected a bucket"):
        address_of(parse_location(url))


@pytest.mark.parametrize(
    ("url", "override", "style", "endpoint", "virtual"),
    [
        ("s3://b/x", None, None, None, None),
        ("s3://b/x", None, "virtual", None, True),
        ("s3://b/x", None, "path", None, False),
        ("s3://b/x", "http://10.0.0.1:9000/", None, "http://10.0.0.1:9000", False),
        ("s3://b/x", "http://10.0.0.1:9000", "auto", "http://10.0.0.1:9000", False),
        ("s3://b/x", "https://s3.example.com", "virtual", "https://b.s3.example.com", True),
        ("gs://b/x", None, None, "https://storage.googleapis.com", False),
        ("tos://tos-s3.example.com/b/x", None, None, "https://b.tos-s3.example.com", True),
        ("swift://swift.example.com/ns/b/x", None, None, "https://swift.example.com", False),
    ],
)
def test_style_and_endpoint(
    url: str, override: str | None, style: str | None, endpoint: str | None, virtual: bool | None
) -> None:
    """platform.md §3.4: stores by an override address; addressing style automatic, path or virtual."""
    location = parse_location(url)
    credential = DataCredential(override_url=override, addressing_style=style)
    config = s3_config(address_of(location), location.scheme, credential)
    assert config.get("endpoint") == endpoint
    assert config.get("virtual_hosted_style_request") is virtual


def test_keys_and_region_are_handed_on_and_absent_ones_are_left_to_the_environment() -> None:
    address = address_of(parse_location("s3://b"))
    full = DataCredential(region="eu-west-1", access_key_id="id", access_key="key")
    assert s3_config(address, "s3", full) == {
        "region": "eu-west-1",
        "access_key_id": "id",
        "secret_access_key": "key",
    }
    assert s3_config(address, "s3", None) == {}
