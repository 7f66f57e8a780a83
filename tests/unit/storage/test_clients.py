"""How clients of the schemes are set up; whom they reach is for the contract tests."""

from __future__ import annotations

import msgspec
import pytest
from obstore.store import AzureStore, GCSStore, S3Store

from storage.addresses import address_of
from storage.azure_keys import azure_config
from storage.clients import Clients, clients_for
from storage.credentials import DataCredential
from storage.patience import Patience
from storage.urls import parse_location

ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def clients(url: str, credential: DataCredential | None) -> Clients:
    location = parse_location(url)
    return clients_for(address_of(location), location.scheme, credential, Patience())


@pytest.mark.parametrize(
    ("credential", "expected"),
    [
        (DataCredential(access_key=ACCOUNT_KEY), {"account_key": ACCOUNT_KEY}),
        (DataCredential(access_key="?sv=1&sig=x%3D"), {"sas_key": "sv=1&sig=x%3D"}),
        (
            DataCredential(access_key=f"AccountName=account;AccountKey={ACCOUNT_KEY};EndpointSuffix=core.example.com"),
            {"account_key": ACCOUNT_KEY, "endpoint": "https://account.blob.core.example.com"},
        ),
        (
            DataCredential(access_key="BlobEndpoint=http://10.0.0.1/account/;SharedAccessSignature=sv=1&sig=y"),
            {"sas_key": "sv=1&sig=y", "endpoint": "http://10.0.0.1/account"},
        ),
        (DataCredential(override_url="http://10.0.0.1/account/"), {"endpoint": "http://10.0.0.1/account"}),
        (None, {}),
    ],
)
def test_keys_of_azure(credential: DataCredential | None, expected: dict[str, str]) -> None:
    """platform.md §3.4 connection string, or ambient identity."""
    config = azure_config(address_of(parse_location("azure://account/container/x")), credential)
    assert config == {"account_name": "account", "container_name": "container", **expected}


def test_google_is_reached_by_hmac_keys_or_by_the_key_of_a_service_account() -> None:
    """platform.md §3.4 `gs://` through HMAC keys."""
    by_hmac = clients("gs://bucket/x", DataCredential(access_key_id="GOOG1", access_key="secret"))
    assert isinstance(by_hmac.store, S3Store)
    assert by_hmac.wire is not None
    assert by_hmac.wire.url == "https://storage.googleapis.com"
    assert by_hmac.deletes_at_once == 1
    account = {"client_email": "a@example.com", "private_key": "", "private_key_id": "", "disable_oauth": True}
    by_account = clients("gs://bucket/x", DataCredential(access_key=msgspec.json.encode(account).decode()))
    assert isinstance(by_account.store, GCSStore)
    assert by_account.wire is None


@pytest.mark.parametrize(
    ("url", "credential", "reached", "prefix"),
    [
        ("s3://b/x", DataCredential(), "https://s3.us-east-1.amazonaws.com", "/b"),
        ("s3://b/x", DataCredential(region="eu-west-1"), "https://s3.eu-west-1.amazonaws.com", "/b"),
        ("s3://b/x", DataCredential(override_url="http://h:1/", addressing_style="virtual"), "http://b.h:1", ""),
        ("tos://tos-s3.example.com/b/x", DataCredential(), "https://b.tos-s3.example.com", ""),
        ("swift://swift.example.com/ns/b/x", DataCredential(), "https://swift.example.com", "/b"),
    ],
)
def test_both_clients_of_s3_reach_the_same(
    url: str, credential: DataCredential, reached: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    keys = msgspec.structs.replace(credential, access_key_id="id", access_key="key")
    wire = clients(url, keys).wire
    assert wire is not None
    assert (wire.url, wire.prefix) == (reached, prefix)


def test_an_identity_that_has_to_be_asked_for_is_for_obstore_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    assert clients("s3://b/x", None).wire is None
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key")
    assert clients("s3://b/x", None).wire is not None


def test_azure_has_a_client_of_its_own() -> None:
    assert isinstance(clients("azure://a/c/x", DataCredential(access_key=ACCOUNT_KEY)).store, AzureStore)
