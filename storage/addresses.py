"""Where a location lies for a client of its store: endpoint, bucket, key.

`gs` is reached with HMAC keys as OSMO does it, or with the key of a service account; `swift` and `tos` through their
S3 endpoints; `azure` with a connection string, an account's key, a shared access signature, or an identity.
Source: workflow-spec.md §6.5; platform.md §3.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.credentials import DataCredential
from storage.faults import UnsupportedLocation
from storage.keys import Parts, UnsafeName, checked_parts
from storage.urls import Location

if TYPE_CHECKING:
    from obstore.store import S3Config

AZURE_SCHEME = "azure"
GOOGLE_SCHEME = "gs"
REMOTE_SCHEMES = (AZURE_SCHEME, GOOGLE_SCHEME, "s3", "swift", "tos")
_BUCKET_AT = {AZURE_SCHEME: 1, GOOGLE_SCHEME: 0, "s3": 0, "swift": 2, "tos": 1}
_DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A place in a bucket.

    Shape: `account` is what stands before the bucket, "" in most schemes; `endpoint` a URL, "" where the scheme's
    client knows it; `key` () for the whole bucket.
    """

    bucket: str
    key: Parts
    endpoint: str
    account: str = ""

    @property
    def prefix(self) -> str:
        """The key as a text."""
        return "/".join(self.key)


def bucket_parts(scheme: str) -> int:
    """How many parts of a URL's path name a bucket: it, and what stands before it; 1 for schemes that are not known."""
    return _BUCKET_AT.get(scheme, 0) + 1


def address_of(location: Location) -> Address:
    """The place that a location means. Errors: UnsupportedLocation."""
    at = _BUCKET_AT[location.scheme]
    parts = location.path.rstrip("/").split("/")
    try:
        host, bucket, key = parts[0], parts[at], parts[at + 1 :]
        checked_parts([host, bucket, *key])
    except (IndexError, UnsafeName) as error:
        raise UnsupportedLocation(
            f"Expected a bucket and a path without empty parts, '.' and '..': {location.url}"
        ) from error
    endpoints = {"s3": "", AZURE_SCHEME: "", GOOGLE_SCHEME: "https://storage.googleapis.com"}
    endpoint = endpoints.get(location.scheme, f"https://{host}")
    return Address(bucket=bucket, key=tuple(key), endpoint=endpoint, account=host if at else "")


def s3_config(address: Address, scheme: str, credential: DataCredential | None) -> S3Config:
    """The settings of a client for the bucket.

    The style is the credential's; without one, names of buckets stand in the host name where the store is TOS, which
    wants it so, and in the path elsewhere. What is not known is left to the environment (`AWS_ENDPOINT_URL`, …).
    """
    known = credential or DataCredential()
    endpoint = (known.override_url or address.endpoint).rstrip("/")
    style = (known.addressing_style or "").lower()
    virtual = style == "virtual" or (style != "path" and scheme == "tos" and not known.override_url)
    config: S3Config = {}
    if endpoint:
        config["endpoint"] = _with_bucket(endpoint, address.bucket) if virtual else endpoint
    if endpoint or style in ("path", "virtual"):
        config["virtual_hosted_style_request"] = virtual
    if known.region:
        config["region"] = known.region
    elif endpoint:
        # AWS's own come from the environment; others take any, but one there must be.
        config["region"] = _DEFAULT_REGION
    if known.access_key_id and known.access_key:
        config["access_key_id"], config["secret_access_key"] = known.access_key_id, known.access_key
    return config


def _with_bucket(endpoint: str, bucket: str) -> str:
    scheme, separator, host = endpoint.rpartition("://")
    return f"{scheme}{separator}{bucket}.{host}"
