"""`argosmo translate`: what a workflow file turns into, without a server."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from cli.errors import EXIT_WRONG_USE
from cli.validate import add_spec

if TYPE_CHECKING:
    from translator.plan.context import PlanContext
    from translator.spec.model import WorkflowSpec

PLAN = "plan"
FORMS = ("json", "yaml", "hera", "receipt", PLAN)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of `argosmo translate`."""
    parser.set_defaults(handler=run, local=True)
    add_spec(parser)
    parser.add_argument(
        "-o",
        "--output",
        choices=FORMS,
        default=FORMS[0],
        help="json (default) or yaml: the objects for Kubernetes; hera: Python that makes them; "
        "receipt: what became of each field; plan: the resolved workflow",
    )


def run(args: argparse.Namespace) -> int:
    """Print the translation; problems go to standard error."""
    import sys

    from cli.output import print_reply
    from cli.problem_text import in_order, problem_line

    # Brings the whole language and its rules: imported only when a file is to be translated.
    from cli.spec_check import check_spec

    check = check_spec(args)
    for problem in in_order(check.problems):
        print(problem_line(str(args.file), problem), file=sys.stderr)
    if check.parsed is None:
        return EXIT_WRONG_USE
    if args.output == PLAN:
        print_reply(_plan(check.parsed.spec, check.context))
    else:
        print(_objects(check.parsed.spec, check.context, args.output).decode().rstrip("\n"))
    return 0


def _plan(spec: WorkflowSpec, context: PlanContext) -> bytes:
    from translator.plan.model import WorkflowId, encode
    from translator.plan.resolve import resolve
    from translator.translate import NO_UUID

    return encode(resolve(spec, context, workflow_id=WorkflowId(f"{spec.name}-1"), workflow_uuid=NO_UUID))


def _objects(spec: WorkflowSpec, context: PlanContext, form: str) -> bytes:
    from cli.errors import CliError
    from translator.argo.faults import TranslationError
    from translator.argo.forms import Form, written
    from translator.translate import translate_spec

    try:
        return written(translate_spec(spec, context), Form(form))
    except TranslationError as error:
        raise CliError(str(error)) from error
