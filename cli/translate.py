"""`argosmo translate`: what a workflow file turns into, without a server."""

from __future__ import annotations

import argparse

from cli.errors import EXIT_WRONG_USE
from cli.validate import add_spec

PLAN = "plan"
# A server draws one for each submission; here the same file gives the same text.
_NO_UUID = "0" * 32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of `argosmo translate`."""
    parser.set_defaults(handler=run, local=True)
    add_spec(parser)
    parser.add_argument("-o", "--output", choices=(PLAN,), default=PLAN, help="plan: the resolved workflow as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the translation; problems go to standard error."""
    import sys

    from cli.output import print_reply
    from cli.problem_text import in_order, problem_line

    # Brings the whole language and its rules: imported only when a file is to be translated.
    from cli.spec_check import check_spec
    from translator.plan.model import WorkflowId, WorkflowUuid, encode
    from translator.plan.resolve import resolve

    check = check_spec(args)
    for problem in in_order(check.problems):
        print(problem_line(str(args.file), problem), file=sys.stderr)
    if check.parsed is None:
        return EXIT_WRONG_USE
    spec = check.parsed.spec
    workflow_id = WorkflowId(f"{spec.name}-1")
    print_reply(encode(resolve(spec, check.context, workflow_id=workflow_id, workflow_uuid=WorkflowUuid(_NO_UUID))))
    return 0
