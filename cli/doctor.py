"""`argosmo doctor`: looks at this machine and at each backend, and says what to do."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cli.arguments import JSON, add_format
from cli.errors import EXIT_FAILED, CliError

if TYPE_CHECKING:
    from gateway.services.doctor_findings import Finding
    from gateway.settings import Settings
    from pools.model import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of `argosmo doctor`."""
    parser.set_defaults(handler=run, local=True)
    parser.add_argument("--backend", metavar="BACKEND", help="look at this backend only, and not at this machine")
    parser.add_argument("--config", metavar="DIR", type=Path, help="directory with configuration YAML")
    parser.add_argument("--database", metavar="URL", help="database (default: SQLite in the data directory)")
    parser.add_argument(
        "--data-dir", metavar="DIR", type=Path, help="directory of database, logs and runs (default: the XDG one)"
    )
    parser.add_argument("--host", help="address that the gateway is to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port that the gateway is to listen on (default: 8000)")
    add_format(parser)


def run(args: argparse.Namespace) -> int:
    """Print what was found; the exit code says whether there is a problem."""
    import os

    from gateway.settings import SettingsError, settings_from

    flags = {name: getattr(args, name) for name in ("config", "database", "data_dir", "host", "port")}
    try:
        settings = settings_from(os.environ, flags)
    except SettingsError as error:
        raise CliError(str(error)) from error
    return report(list(_findings(settings, args.backend)), as_json=args.format_type == JSON)


def report(findings: list[Finding], *, as_json: bool) -> int:
    """Print findings; 1 where one is a problem, else 0."""
    from cli.doctor_text import report_lines, report_value
    from cli.output import print_json
    from gateway.services.doctor_findings import has_problem

    if as_json:
        print_json(report_value(findings))
    else:
        print("\n".join(report_lines(findings)))
    return EXIT_FAILED if has_problem(findings) else 0


def _findings(settings: Settings, backend: str | None) -> Iterator[Finding]:
    from datetime import UTC, datetime

    from gateway.services.doctor_findings import ok, problem
    from gateway.services.doctor_logs import log_place_findings
    from gateway.services.doctor_machine import machine_findings
    from gateway.store.archive_health import backlog_findings
    from gateway.store.health import database_findings
    from pools.model import ConfigError

    try:
        config = read_config(settings)
    except ConfigError as error:
        advice = "Correct it; until then a running gateway keeps the last good configuration."
        yield from (problem("config", str(one), advice) for one in error.problems)
        return
    if backend is not None and backend not in config.backends:
        raise CliError(f"There is no backend {backend!r}. Expected one of {', '.join(config.backends)}.")
    if backend is None:
        place = str(settings.config) if settings.config is not None else "the shipped one, for this machine alone"
        yield from machine_findings(settings)
        yield from database_findings(settings.database_url)
        yield ok("config", f"The configuration is {place}.")
        yield from log_place_findings(config)
        yield from backlog_findings(settings.database_url, datetime.now(UTC).replace(tzinfo=None))
    yield from of_backends(config, settings, backend)


def of_backends(config: Config, settings: Settings, only: str | None) -> Iterator[Finding]:
    """What is to be said of one backend, or of all."""
    from dataclasses import replace

    for name, backend in config.backends.items():
        if only not in (None, name):
            continue
        if backend.is_local:
            from gateway.runners.local_doctor import isolation_findings

            yield from (replace(one, backend=name) for one in isolation_findings(settings.isolation))
        else:
            from gateway.runners.argo.doctor import backend_findings

            yield from backend_findings(name, backend, config)


def read_config(settings: Settings) -> Config:
    """The configuration that the settings name. Errors: ConfigError."""
    from gateway.services.config_files import ConfigFiles
    from gateway.services.machine import this_machine

    return ConfigFiles(settings.config, this_machine(settings.data_dir)).loaded
