"""A workflow file judged on this machine: parsed, and checked against a configuration, by the gateway's own rules.

What only a server knows (earlier workflows, stored credentials, other users) is not looked at.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

from cli.errors import CliError
from cli.local_files import LocalFiles
from cli.login_file import operating_system_user
from cli.spec_file import read_spec_bytes
from gateway.services.machine import this_machine
from gateway.settings import SettingsError, settings_from
from pools.model import Config, ConfigError
from pools.shipped import shipped_config
from templates.sandbox import TemplateSandbox
from translator.garbage import collections_paused
from translator.plan.checks import validate_plan
from translator.plan.context import ADMIN_ROLE, PlanContext
from translator.plan.findings import Locate
from translator.problems import Problem, SpecError
from translator.spec.parse import ParsedSpec, parse
from translator.spec.values import Values


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecCheck:
    """What was found in a workflow file.

    Shape: `problems` are errors and warnings; `parsed` is None where one of them is an error; `configured` is false
    where nobody gave a configuration and the shipped one was taken.
    """

    source: bytes
    configured: bool
    context: PlanContext
    problems: tuple[Problem, ...]
    parsed: ParsedSpec | None


def check_spec(args: argparse.Namespace) -> SpecCheck:
    """Judge the file that `args` name, with the values and against the configuration that they give.

    Errors: CliError where file or configuration cannot be used.
    """
    source = read_spec_bytes(args.file)
    config, configured = _config(args.config)
    context = PlanContext(
        config=config,
        pool=args.pool,
        owner=operating_system_user(),
        roles=frozenset({ADMIN_ROLE}),
    )
    remarks: tuple[Problem, ...] = ()
    with collections_paused(), TemplateSandbox() as renderer:
        try:
            files = LocalFiles(args.file.parent)
            parsed = parse(source, values=given_values(args), renderer=renderer, local_files=files)
            remarks = parsed.warnings
            remarks += validate_plan(parsed.spec, context, locate=_locating(parsed))
        except SpecError as error:
            return SpecCheck(
                source=source, configured=configured, context=context, problems=(*error.problems, *remarks), parsed=None
            )
    return SpecCheck(source=source, configured=configured, context=context, problems=remarks, parsed=parsed)


def given_values(args: argparse.Namespace) -> Values:
    """What the command line gives a spec."""
    return Values(
        variables=tuple(args.set_variables),
        string_variables=tuple(args.set_string_variables),
        environment=tuple(args.env_vars),
        labels=tuple(args.labels),
    )


def _config(directory: Path | None) -> tuple[Config, bool]:
    """The configuration of a directory (or of ARGOSMO_CONFIG, as for a server), else the shipped one; and which."""
    try:
        settings = settings_from(os.environ, {"config": directory})
        machine = this_machine(settings.data_dir)
        if settings.config is None:
            return shipped_config(machine), False
        # Watches the directory, too, and with that brings the gateway's logging, which loads slowly.
        from gateway.services.config_files import ConfigFiles

        return ConfigFiles(settings.config, machine).loaded, True
    except (ConfigError, SettingsError) as error:
        raise CliError(str(error)) from error


def _locating(parsed: ParsedSpec) -> Locate:
    def locate(path: str) -> tuple[int, int] | None:
        line, column = parsed.locate(path)
        return None if line is None or column is None else (line, column)

    return locate
