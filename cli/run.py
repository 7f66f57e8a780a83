"""`argosmo run`: one workflow on this machine, by a gateway inside this process."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from cli.arguments import add_labels, add_set_env, add_template_values
from cli.errors import EXIT_FAILED, EXIT_WRONG_USE, CliError
from cli.serve import add_data_dir, add_isolation
from cli.validate import add_config

if TYPE_CHECKING:
    from cli.interrupts import Interrupts
    from cli.spec_check import SpecCheck
    from gateway.main import Gateway
    from gateway.schemas.workflows import WorkflowQuery
    from gateway.services.submit import SubmitRequest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of `argosmo run`."""
    parser.set_defaults(handler=run, local=True)
    parser.add_argument("file", metavar="FILE", type=Path, help="a workflow file in YAML; - is standard input")
    add_template_values(parser)
    add_set_env(parser)
    add_labels(parser)
    add_config(parser)
    add_data_dir(parser)
    add_isolation(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="no logs and no status, only the last line")


def run(args: argparse.Namespace) -> int:
    """Run the workflow to its end."""
    # Brings the whole gateway: imported only when a workflow is to be run.
    from cli.interrupts import Interrupts
    from cli.output import note
    from cli.problem_text import in_order, problem_line
    from cli.spec_check import check_spec

    check = check_spec(args)
    if check.parsed is None or not args.quiet:
        for problem in in_order(check.problems):
            note(problem_line(str(args.file), problem))
    if check.parsed is None:
        return EXIT_WRONG_USE
    if not check.context.backend.is_local:
        raise CliError(
            f"The pool {args.pool} belongs to the cluster {check.context.backend.name}, and 'argosmo run' has this "
            "machine only. Submit the file to a server with 'argosmo workflow submit'."
        )
    with Interrupts() as interrupts:
        ended = _run_here(args, check, interrupts)
        print(f"{ended.name} {ended.status}")
        if ended.status == "COMPLETED":
            return 0
        return interrupts.exit_code if interrupts.count else EXIT_FAILED


def _run_here(args: argparse.Namespace, check: SpecCheck, interrupts: Interrupts) -> WorkflowQuery:
    from cli.display import display_for
    from cli.local_run import LocalRun, failure_lines
    from cli.output import note
    from engine.isolating import IsolationUnavailable
    from gateway.services.errors import Refusal
    from gateway.services.submission import SubmissionRefused

    gateway = _gateway(args)
    try:
        gateway.start()
        ended = LocalRun(gateway, display_for(quiet=args.quiet), interrupts).run(_request(args, check))
    except (IsolationUnavailable, Refusal, SubmissionRefused) as error:
        raise CliError(str(error)) from error
    finally:
        gateway.stop()
    if not args.quiet:
        for line in failure_lines(ended):
            note(line)
    return ended


def _gateway(args: argparse.Namespace) -> Gateway:
    import os

    from gateway.log_setup import set_up_logging
    from gateway.main import build
    from gateway.ports.faults import StoreTooNew, StoreUnavailable
    from gateway.settings import LogFormat, LogLevel, SettingsError, settings_from
    from pools.model import ConfigError

    set_up_logging(LogLevel(args.log_level or LogLevel.ERROR), LogFormat.TEXT)
    flags = {"config": args.config, "data_dir": args.data_dir, "isolation": args.isolation}
    try:
        return build(settings_from(os.environ, flags))
    except (ConfigError, SettingsError, StoreTooNew, StoreUnavailable) as error:
        raise CliError(str(error)) from error


def _request(args: argparse.Namespace, check: SpecCheck) -> SubmitRequest:
    from gateway.schemas.submit import TemplateSpec
    from gateway.services.submit import SubmitRequest
    from translator.spec.templating import is_templated

    text = check.source.decode()
    body = TemplateSpec(
        file=_bundled(args, check),
        set_variables=args.set_variables,
        set_string_variables=args.set_string_variables,
        uploaded_templated_spec=text if is_templated(text) else None,
    )
    return SubmitRequest(pool=args.pool, body=body, env_vars=tuple(args.env_vars), labels=tuple(args.labels))


def _bundled(args: argparse.Namespace, check: SpecCheck) -> str:
    """The spec as a server takes it: the file as written, or with its local files in it."""
    from cli.local_files import LocalFiles
    from cli.spec_check import given_values
    from templates.sandbox import TemplateSandbox
    from translator.spec.bundle import bundle, needs_bundling

    text = check.source.decode()
    if not needs_bundling(text):
        return text
    with TemplateSandbox() as renderer:
        files = LocalFiles(args.file.parent)
        return bundle(check.source, values=given_values(args), renderer=renderer, read_file=files.__getitem__)
