"""Signatures of requests to stores that speak S3. Source: AWS, "Signature Version 4 for API requests"."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Keys:
    """A pair of keys, for some region."""

    access_key_id: str
    secret: str = field(repr=False)
    session_token: str = field(default="", repr=False)
    region: str = "us-east-1"


def signed_headers(
    keys: S3Keys,
    method: str,
    host: str,
    target: str,
    headers: Mapping[str, str],
    payload_sha256: str,
    now: datetime | None = None,
) -> dict[str, str]:
    """The headers of a request, its signature among them. Shape: `target` is path and query as `target_of` makes it."""
    moment = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    known = {name.lower(): value.strip() for name, value in headers.items()}
    known |= {"host": host, "x-amz-date": moment, "x-amz-content-sha256": payload_sha256}
    if keys.session_token:
        known["x-amz-security-token"] = keys.session_token
    names = ";".join(sorted(known))
    path, _, query = target.partition("?")
    listed = "".join(f"{name}:{known[name]}\n" for name in sorted(known))
    request = "\n".join((method, path, query, listed, names, payload_sha256))
    scope = f"{moment[:8]}/{keys.region}/s3/aws4_request"
    to_sign = "\n".join((_ALGORITHM, moment, scope, hashlib.sha256(request.encode()).hexdigest()))
    signature = hmac.new(_signing_key(keys, moment[:8]), to_sign.encode(), hashlib.sha256).hexdigest()
    credential = f"{keys.access_key_id}/{scope}"
    known["authorization"] = f"{_ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
    return known


def target_of(path: str, query: Mapping[str, str]) -> str:
    """What stands in the first line of a request, in the one form that is signed."""
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query.items())
    text = "&".join(f"{name}={value}" for name, value in pairs)
    return quote(path, safe="/-_.~") + (f"?{text}" if text else "")


def _signing_key(keys: S3Keys, day: str) -> bytes:
    key = f"AWS4{keys.secret}".encode()
    for word in (day, keys.region, "s3", "aws4_request"):
        key = hmac.new(key, word.encode(), hashlib.sha256).digest()
    return key
