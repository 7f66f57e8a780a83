"""Clients of obstore for the buckets of each scheme."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

from obstore.store import AzureStore, GCSStore, S3Store

from storage.addresses import AZURE_SCHEME, GOOGLE_SCHEME, Address, s3_config
from storage.azure_keys import azure_config
from storage.credentials import DataCredential
from storage.patience import Patience
from storage.s3_wire import S3Wire, s3_wire

if TYPE_CHECKING:
    from obstore.store import BackoffConfig, ClientConfig, RetryConfig

Store: TypeAlias = "S3Store | AzureStore | GCSStore"


@dataclass(frozen=True, slots=True)
class Clients:
    """What speaks to one bucket.

    Shape: `store` does nearly everything; `wire` what it cannot, None where that has to do. `deletes_at_once` is how
    many names the store takes in one request to remove objects.
    """

    store: Store
    wire: S3Wire | None = None
    deletes_at_once: int = 1000

    def close(self) -> None:
        """Close what is open."""
        if self.wire is not None:
            self.wire.close()


def clients_for(address: Address, scheme: str, credential: DataCredential | None, patience: Patience) -> Clients:
    """Clients for the bucket of an address. Errors: those of obstore, ValueError among them, for a malformed key."""
    if scheme == AZURE_SCHEME:
        azure = azure_config(address, credential)
        options, retries = _options(azure.get("endpoint", ""), patience), _retries(patience)
        store_of_azure = AzureStore(config=azure, client_options=options, retry_config=retries)
        # It would take 256, and work on each of them before it answers.
        return Clients(store_of_azure, deletes_at_once=64)
    if scheme == GOOGLE_SCHEME and credential is not None and _is_document(credential.access_key):
        key = credential.access_key or ""
        options, retries = _options(credential.override_url or "", patience), _retries(patience)
        store = GCSStore(
            address.bucket, config={"service_account_key": key}, client_options=options, retry_config=retries
        )
        return Clients(store, deletes_at_once=1)
    config = s3_config(address, scheme, credential)
    options = _options(config.get("endpoint", ""), patience)
    store_of_s3 = S3Store(address.bucket, config=config, client_options=options, retry_config=_retries(patience))
    # Google's S3 endpoint takes one name at a time.
    at_once = 1 if scheme == GOOGLE_SCHEME else 1000
    return Clients(store_of_s3, s3_wire(config, address.bucket, patience), deletes_at_once=at_once)


def _is_document(key: str | None) -> bool:
    return (key or "").lstrip().startswith("{")


def _options(endpoint: str, patience: Patience) -> ClientConfig:
    options: ClientConfig = {
        "timeout": timedelta(seconds=patience.request_seconds),
        "read_timeout": timedelta(seconds=patience.silence_seconds),
        "connect_timeout": timedelta(seconds=patience.connect_seconds),
    }
    if not endpoint.startswith("https://"):
        # Without one, the environment or the key may name one.
        options["allow_http"] = True
    return options


def _retries(patience: Patience) -> RetryConfig:
    backoff: BackoffConfig = {
        "init_backoff": timedelta(seconds=patience.first_pause_seconds),
        "max_backoff": timedelta(seconds=patience.longest_pause_seconds),
        "base": 2,
    }
    # Tries are what is counted; together they may take this long.
    longest = timedelta(seconds=patience.tries * patience.longest_pause_seconds + patience.request_seconds)
    return {"max_retries": patience.tries, "backoff": backoff, "retry_timeout": longest}
