"""`argosmo serve`: the gateway in this process."""

from __future__ import annotations

import argparse
from pathlib import Path

from cli.commands import LOG_LEVELS

ISOLATIONS = ("auto", "overlay", "bubblewrap", "plain", "containers")
LOG_FORMATS = ("json", "text")
# Flags of this command that are settings of the gateway, by the setting's name.
SETTINGS = (
    "host",
    "port",
    "data_dir",
    "database",
    "master_keys",
    "config",
    "user",
    "isolation",
    "public_url",
    "allowed_hosts",
    "log_level",
    "log_format",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of `argosmo serve`."""
    parser.set_defaults(handler=run, local=True)
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1, this machine only)")
    parser.add_argument("--port", type=int, help="port to listen on; 0 takes a free one (default: 8000)")
    parser.add_argument("--config", metavar="DIR", type=Path, help="directory with configuration YAML")
    parser.add_argument("--database", metavar="URL", help="database (default: SQLite in the data directory)")
    parser.add_argument(
        "--master-keys", metavar="FILE", type=Path, help="keys that seal credentials (default: in the data directory)"
    )
    add_data_dir(parser)
    parser.add_argument("--user", help="who a request without a name comes from (default: you)")
    add_isolation(parser)
    parser.add_argument("--public-url", metavar="URL", help="address in links (default: that of the request)")
    parser.add_argument(
        "--allowed-hosts", metavar="HOST", nargs="+", help="further host names that browsers may use for loopback"
    )
    # Without a default of its own, so that `argosmo --log-level debug serve` means the same.
    parser.add_argument(
        "--log-level", choices=LOG_LEVELS, default=argparse.SUPPRESS, help="least severe records shown (default: info)"
    )
    parser.add_argument("--log-format", choices=LOG_FORMATS, help="form of the gateway's own log (default: json)")


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """Add `--data-dir`."""
    parser.add_argument(
        "--data-dir", metavar="DIR", type=Path, help="directory of database, logs and runs (default: the XDG one)"
    )


def add_isolation(parser: argparse.ArgumentParser) -> None:
    """Add `--isolation` and its short form `--containers`."""
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--isolation", choices=ISOLATIONS, help="how tasks are kept apart from this machine (default: auto)"
    )
    how.add_argument(
        "--containers",
        dest="isolation",
        action="store_const",
        const="containers",
        help="run each task in its image, by podman or docker; same as --isolation containers",
    )


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop."""
    import os

    from cli.errors import CliError
    from engine.isolating import IsolationUnavailable

    # The gateway brings FastAPI and SQLAlchemy: imported only when it is to run.
    from gateway.main import serve
    from gateway.ports.faults import StoreTooNew, StoreUnavailable
    from gateway.settings import SettingsError, settings_from
    from pools.model import ConfigError

    flags = {name: getattr(args, name) for name in SETTINGS}
    try:
        serve(settings_from(os.environ, flags))
    except (ConfigError, IsolationUnavailable, SettingsError, StoreTooNew, StoreUnavailable) as error:
        raise CliError(str(error)) from error
    return 0
