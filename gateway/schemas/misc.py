"""Health, version, tags, users, plugins. Source: api.md §2.1, §8.2."""

from __future__ import annotations

from gateway.schemas.wire import Reply


class Health(Reply):
    """`status` is `OK` while the gateway serves requests."""

    status: str = "OK"


class Version(Reply):
    """A version, all parts as text."""

    major: str
    minor: str = "0"
    revision: str = "0"
    hash: str = ""


class LoginInfo(Reply):
    """Where clients sign in; null where nothing is configured, and then they need not."""

    device_endpoint: str | None = None
    device_client_id: str | None = None
    browser_endpoint: str | None = None
    browser_client_id: str | None = None
    token_endpoint: str | None = None
    logout_endpoint: str | None = None


class RsyncPath(Reply):
    """A path that rsync may reach."""

    path: str
    writable: bool = False


class RsyncConfig(Reply):
    """Settings of the rsync plugin. Units: limits in bytes per second (0: none), the daemon's times in seconds."""

    enabled: bool = False
    enable_telemetry: bool = False
    read_bandwidth_limit: int = 2621440
    write_bandwidth_limit: int = 2621440
    allowed_paths: dict[str, RsyncPath] = {}
    daemon_debounce_delay: float = 30.0
    daemon_poll_interval: float = 120.0
    daemon_reconcile_interval: float = 60.0
    client_upload_rate_limit: int = 2097152


class PluginsConfig(Reply):
    """Settings of all plugins."""

    rsync: RsyncConfig = RsyncConfig()


class RouterInfo(Reply):
    """Where a client connects for exec, port-forward, rsync or a web server."""

    router_address: str
    key: str
    cookie: str
