"""What the gateway is told at start: flags and `ARGOSMO_*` variables, read once in `gateway.main` and handed down.

Importing this module reads nothing. `docs/settings.md` lists every setting; a test compares the two.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from engine.settings import IsolationChoice

PREFIX = "ARGOSMO_"
LOOPBACK_NAMES = frozenset({"localhost", "ip6-localhost"})


class SettingsError(Exception):
    """A setting is wrong, or the settings together are unsafe; the message says which and what to do."""


class LogLevel(StrEnum):
    """The least severe records that the gateway writes about itself."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How records are written: one JSON object a line, or text for people."""

    JSON = "json"
    TEXT = "text"


class Settings(BaseModel):
    """All settings of one gateway process.

    Shape: the environment variable of a field is `ARGOSMO_` and its name in capitals; lists are separated by commas.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    data_dir: Path = Field(description="Directory of the database, logs and the local engine's runs.")
    database: str = Field(
        "", description="Database URL (`sqlite:///…`, `postgresql://…`); empty: SQLite in the data directory."
    )
    master_keys: Path | None = Field(
        None,
        description="File of the keys that seal stored credentials, the same for all gateways of a database; none: "
        "`master-keys.json` in the data directory.",
    )
    config: Path | None = Field(None, description="Directory with configuration YAML; none: one local pool.")
    user: Annotated[str, StringConstraints(strip_whitespace=True)] = Field(
        "", description="Who a request without `x-osmo-user` comes from; empty: the user of the process."
    )
    isolation: IsolationChoice = Field(
        IsolationChoice.AUTO, description="How local tasks are isolated from the machine."
    )
    public_url: str = Field(
        "", pattern=r"^(https?://[^\s/]+(/[^\s]*)?)?$", description="URL in links; empty: that of the request."
    )
    allowed_hosts: tuple[str, ...] = Field(
        (), description="Further host names that browsers may use to reach a gateway on loopback."
    )
    log_level: LogLevel = Field(LogLevel.INFO, description="Least severe records that are written.")
    log_format: LogFormat = Field(LogFormat.JSON, description="Form of the gateway's own log.")
    worker_threads: int = Field(40, ge=1, le=1000, description="Requests worked on at the same time.")
    max_body_bytes: int = Field(
        16 * 1024 * 1024, ge=1024, description="Largest request body, in bytes; a larger one is refused with 413."
    )
    follow_idle_seconds: float = Field(
        60.0, gt=0, description="Seconds without a new line after which a followed log is ended."
    )
    heartbeat_seconds: float = Field(15.0, gt=0, description="Seconds between heartbeats of an event stream.")
    lease_seconds: float = Field(
        10.0,
        gt=0,
        description="Seconds for which a gateway that acts on a cluster counts as living without a word, where several "
        "share a PostgreSQL; another one takes over after half as long again.",
    )
    stop_seconds: float = Field(30.0, gt=0, description="Seconds that open requests get to end at shutdown.")
    default_admin_username: str = Field("", description="First administrator; also `OSMO_DEFAULT_ADMIN_USERNAME`.")
    default_admin_password: str = Field(
        "", repr=False, description="Token of the first administrator; also `OSMO_DEFAULT_ADMIN_PASSWORD`."
    )

    @property
    def database_url(self) -> str:
        """The database to open, never empty."""
        return self.database or f"sqlite:///{self.data_dir / 'argosmo.db'}"

    @property
    def authentication(self) -> bool:
        """Whether callers must prove who they are."""
        return bool(self.default_admin_username or self.default_admin_password)


def variable(field: str) -> str:
    """The environment variable that sets a field."""
    return PREFIX + field.upper()


def settings_from(environ: Mapping[str, str], flags: Mapping[str, object] | None = None) -> Settings:
    """The settings that flags and environment give, flags first.

    Shape: `flags` is keyed by field; None means that the flag was not given.
    Errors: SettingsError naming each wrong setting as the user wrote it.
    """
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    values: dict[str, object] = {"data_dir": _default_data_dir(environ)}
    for name, inherited in _INHERITED.items():
        if environ.get(inherited):
            values[name] = environ[inherited]
    for name in Settings.model_fields:
        if text := environ.get(variable(name), ""):
            values[name] = _split(text) if name in _LISTS else text
    try:
        return Settings.model_validate(values | given)
    except ValidationError as error:
        raise SettingsError(_sentence(error, given)) from error


def check_exposure(settings: Settings) -> None:
    """Return if it is safe to listen as told.

    Errors: SettingsError where other machines could reach a gateway that asks nobody who he is.
    """
    if settings.authentication or is_loopback(settings.host):
        return
    raise SettingsError(
        f"Refusing to listen on {settings.host}: no authentication is configured, so anyone who reaches this address "
        "could run commands as you. Listen on 127.0.0.1 (and use an SSH tunnel), or configure authentication."
    )


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine only. Shape: IPv6 with or without brackets."""
    name = host.strip("[]").rstrip(".").lower()
    if name in LOOPBACK_NAMES or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


_INHERITED = {
    "default_admin_username": "OSMO_DEFAULT_ADMIN_USERNAME",
    "default_admin_password": "OSMO_DEFAULT_ADMIN_PASSWORD",
}
_LISTS = frozenset({"allowed_hosts"})


def _default_data_dir(environ: Mapping[str, str]) -> Path:
    base = environ.get("XDG_DATA_HOME", "")
    # The XDG specification says that relative paths are to be ignored.
    root = Path(base) if base.startswith("/") else Path(environ.get("HOME", "/")) / ".local" / "share"
    return root / "argosmo"


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _sentence(error: ValidationError, flags: Mapping[str, object]) -> str:
    lines = []
    for fault in error.errors(include_url=False, include_input=False):
        name = str(fault["loc"][0]) if fault["loc"] else "settings"
        shown = f"--{name.replace('_', '-')}" if name in flags else variable(name)
        lines.append(f"{shown}: {fault['msg']}")
    return "\n".join(lines)
