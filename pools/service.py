"""The `service` config: addresses, signing keys, clients. Source: api.md §8.1."""

from __future__ import annotations

import re
from typing import Self

from pydantic import Field, field_validator, model_validator

from pools.documents import Document, Duration, Secret

_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+(\.[0-9A-Za-z]+)?")


class SigningKey(Document):
    """A pair of JWK texts."""

    public_key: str
    private_key: Secret


class LoginInfo(Document):
    """Where clients sign in; served at `/api/auth/login`, null where not configured."""

    device_endpoint: str | None = None
    device_client_id: str | None = None
    browser_endpoint: str | None = None
    browser_client_id: str | None = None
    token_endpoint: str | None = None
    logout_endpoint: str | None = None


class ServiceAuth(Document):
    """How the service signs tokens. Shape: `active_key` is a key of `keys`, "" before the first start."""

    keys: dict[str, SigningKey] = {}
    active_key: str = ""
    issuer: str = "osmo"
    audience: str = "osmo"
    user_roles: tuple[str, ...] = ("osmo-user",)
    ctrl_roles: tuple[str, ...] = ("osmo-user", "osmo-ctrl")
    login_info: LoginInfo = LoginInfo()
    max_token_duration: Duration = "365d"

    @model_validator(mode="after")
    def _active_key_exists(self) -> Self:
        if self.active_key and self.active_key not in self.keys:
            raise ValueError(f'active_key "{self.active_key}" is not one of keys; name one of {sorted(self.keys)}')
        return self


class CliConfig(Document):
    """What clients are told of versions: `major.minor.revision[.hash]`."""

    latest_version: str | None = None
    min_supported_version: str | None = None
    client_install_url: str | None = None

    @field_validator("latest_version", "min_supported_version")
    @classmethod
    def _is_version(cls, value: str | None) -> str | None:
        if value is not None and not _VERSION.fullmatch(value):
            raise ValueError(f'"{value}" is not a version; expected major.minor.revision[.hash], as in 6.3.1')
        return value


class ServiceConfig(Document):
    """The `service` section. Units: `agent_queue_size` in messages."""

    service_base_url: str = ""
    service_auth: ServiceAuth = ServiceAuth()
    cli_config: CliConfig = CliConfig()
    max_pod_restart_limit: Duration = "30m"
    agent_queue_size: int = Field(default=1024, gt=0)
