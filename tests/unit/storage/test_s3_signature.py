"""Signatures, beside those of botocore, whose business they are."""

from __future__ import annotations

from datetime import UTC, datetime
from unittest.mock import patch

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from storage.s3_signature import S3Keys, signed_headers, target_of

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("token", ["", "a/token+="])
@pytest.mark.parametrize(
    ("method", "path", "query", "headers"),
    [
        ("GET", "/bucket", {"uploads": "", "prefix": "a b/ü+&=%"}, {}),
        ("PUT", "/bucket/a b/ü+&=%?#'()*!~", {"partNumber": "2", "uploadId": "x/y=="}, {}),
        ("POST", "/", {"uploads": ""}, {"x-amz-meta-sha256": EMPTY}),
    ],
)
def test_a_signature_is_botocores(
    method: str, path: str, query: dict[str, str], headers: dict[str, str], token: str
) -> None:
    target = target_of(path, query)
    keys = S3Keys(access_key_id="AKID", secret="se/cret", session_token=token, region="eu-west-1")
    found = signed_headers(keys, method, "s3.example.com:9000", target, headers, EMPTY, NOW)
    request = AWSRequest(method, f"https://s3.example.com:9000{target}", headers=dict(headers))
    auth = S3SigV4Auth(Credentials("AKID", "se/cret", token or None), "s3", "eu-west-1")
    with patch("botocore.auth.get_current_datetime", lambda *_args, **_more: NOW.replace(tzinfo=None)):
        auth.add_auth(request)
    assert found["authorization"] == request.headers["Authorization"]


def test_secrets_are_not_shown() -> None:
    assert "se/cret" not in repr(S3Keys(access_key_id="AKID", secret="se/cret", session_token="token"))
