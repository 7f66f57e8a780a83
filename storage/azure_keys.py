"""Keys of Azure Blob Storage in the forms that people have them. Source: Azure, "Configure connection strings"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.addresses import Address
from storage.credentials import DataCredential

if TYPE_CHECKING:
    from obstore.store import AzureConfig


def azure_config(address: Address, credential: DataCredential | None) -> AzureConfig:
    """The settings of a client for a container.

    The key may be a connection string, a shared access signature or an account's key; without one the environment and
    the machine's identity serve. An override address is where the account's containers are.
    """
    known = credential or DataCredential()
    config: AzureConfig = {"account_name": address.account, "container_name": address.bucket}
    secret = (known.access_key or "").strip()
    if "=" in secret and ";" in secret:
        _take_connection_string(config, secret)
    elif "sig=" in secret:
        config["sas_key"] = secret.lstrip("?")
    elif secret:
        config["account_key"] = secret
    if known.override_url:
        config["endpoint"] = known.override_url.rstrip("/")
    return config


def _take_connection_string(config: AzureConfig, text: str) -> None:
    named = dict(pair.split("=", 1) for pair in text.split(";") if "=" in pair)
    if "AccountKey" in named:
        config["account_key"] = named["AccountKey"]
    if "SharedAccessSignature" in named:
        config["sas_key"] = named["SharedAccessSignature"].lstrip("?")
    if "BlobEndpoint" in named:
        config["endpoint"] = named["BlobEndpoint"].rstrip("/")
    elif "EndpointSuffix" in named:
        protocol = named.get("DefaultEndpointsProtocol", "https")
        config["endpoint"] = f"{protocol}://{config['account_name']}.blob.{named['EndpointSuffix']}"
