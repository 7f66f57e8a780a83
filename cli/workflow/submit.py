"""`workflow submit`, `validate` and `restart`. Source: api.md §2.7, §5, Appendix A; workflow-spec.md §3.7."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cli.arguments import (
    JSON,
    PRIORITIES,
    Verbs,
    add_format,
    add_labels,
    add_set_env,
    add_template_values,
    add_verb,
    is_workflow_id,
    one_of,
)
from cli.client import Client, QueryValue, Reply, client_of, segment
from cli.errors import EXIT_FAILED, CliError, Unreachable
from cli.output import print_reply
from cli.replies import SubmitReply, WorkflowDetail
from cli.selected_pool import selected_pool
from cli.spec_file import read_spec
from translator.spec.templating import is_templated

# Faults of what was submitted; whoever runs scripts tells them by exit code 1.
_SUBMISSION_CODES = frozenset({"USAGE", "RESOURCE", "CREDENTIAL"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Submission:
    """What one submission is made of.

    Shape: `common` are the query parameters that lead every request, `last` those of the final request only.
    """

    pool: str
    text: str
    directory: Path
    set_variables: list[str]
    set_string_variables: list[str]
    common: dict[str, QueryValue]
    last: dict[str, QueryValue]


def add_verbs(verbs: Verbs) -> None:
    """Add `submit`, `validate` and `restart`."""
    submit = add_verb(verbs, "submit", run_submit, "submit a workflow file, or a workflow of before once more")
    submit.add_argument("workflow", metavar="FILE_OR_ID", help="a YAML file, or the id of a workflow")
    add_template_values(submit)
    add_set_env(submit)
    submit.add_argument("--dry-run", action="store_true", help="print what the file expands to, and run nothing")
    submit.add_argument("-p", "--pool", metavar="POOL", help="the pool to run in (default: the profile's)")
    submit.add_argument("--priority", type=one_of(PRIORITIES), help="HIGH, NORMAL or LOW")
    add_labels(submit)
    add_format(submit)
    validate = add_verb(verbs, "validate", run_validate, "let the server check a workflow file, and run nothing")
    validate.add_argument("workflow", metavar="FILE", help="a YAML file")
    add_template_values(validate)
    validate.add_argument("-p", "--pool", metavar="POOL", help="the pool to check against (default: the profile's)")
    add_labels(validate)
    restart = add_verb(verbs, "restart", run_restart, "run the failed groups of a workflow again, as a new workflow")
    restart.add_argument("workflow_id", metavar="ID", help="the failed workflow")
    restart.add_argument("-p", "--pool", metavar="POOL", help="the pool to run in (default: that of the workflow)")
    add_format(restart)


def run_submit(args: argparse.Namespace) -> int:
    """Submit a file, or the spec of an earlier workflow."""
    client = client_of(args)
    common: dict[str, QueryValue] = {"priority": args.priority, "label": args.labels}
    if is_workflow_id(args.workflow) and not Path(args.workflow).exists():
        return _resubmit(client, args, common)
    submission = _submission(client, args, common, {"env_vars": args.env_vars})
    reply = _posted(client, submission, dry_run=args.dry_run)
    if args.dry_run and args.format_type != JSON:
        print(reply.read(SubmitReply).spec or "", end="")
        return 0
    _show(reply, args.format_type)
    return 0


def run_validate(args: argparse.Namespace) -> int:
    """Have a file checked."""
    client = client_of(args)
    submission = _submission(client, args, {"label": args.labels, "validation_only": True}, {})
    reply = _posted(client, submission).read(SubmitReply)
    print(reply.logs or "")
    for warning in reply.warnings:
        print(warning)
    return 0


def run_restart(args: argparse.Namespace) -> int:
    """Restart a failed workflow."""
    client = client_of(args)
    pool = args.pool or _pool_of(client, args.workflow_id)
    path = f"/api/pool/{segment(pool)}/workflow/{segment(args.workflow_id)}/restart"
    reply = _attempted(lambda: client.post(path))
    if args.format_type != JSON:
        print(f"Workflow {args.workflow_id} restarted.")
    _show(reply, args.format_type)
    return 0


def _resubmit(client: Client, args: argparse.Namespace, common: dict[str, QueryValue]) -> int:
    if args.dry_run or args.set_variables or args.set_string_variables:
        raise CliError(
            f"{args.workflow} names a workflow, whose spec is already expanded: --dry-run, --set and --set-string "
            "need a file."
        )
    pool = args.pool or selected_pool(client)
    query = {"workflow_id": args.workflow, **common, "env_vars": args.env_vars}
    _show(_attempted(lambda: client.post(_path(pool), query)), args.format_type)
    return 0


def _submission(
    client: Client, args: argparse.Namespace, common: dict[str, QueryValue], last: dict[str, QueryValue]
) -> _Submission:
    path = Path(args.workflow)
    text = read_spec(path)
    return _Submission(
        pool=args.pool or selected_pool(client),
        text=text,
        directory=path.parent,
        set_variables=args.set_variables,
        set_string_variables=args.set_string_variables,
        common=common,
        last=last,
    )


def _posted(client: Client, submission: _Submission, *, dry_run: bool = False) -> Reply:
    """Post once; a template twice: the server expands it first, so that its local files can be put in."""
    if not is_templated(submission.text):
        query = {**submission.common, "dry_run": True if dry_run else None, **submission.last}
        return _post(client, submission, query, _bundled(submission.text, submission.directory))
    expanded = _post(client, submission, {**submission.common, "dry_run": True}, submission.text)
    if dry_run:
        return expanded
    spec = expanded.read(SubmitReply).spec
    if spec is None:
        raise Unreachable("The server's reply to a dry run holds no spec. Is the address that of an OSMO gateway?")
    return _post(
        client,
        submission,
        {**submission.common, "dry_run": False, **submission.last},
        _bundled(spec, submission.directory),
        template=submission.text,
    )


def _bundled(text: str, directory: Path) -> str:
    """The text with its local files; where it names none, as written, so that lines in answers are the user's."""
    if "localpath" not in text:
        return text
    # Imported only for the specs that need it: no other verb should wait for a YAML reader.
    from cli.local_files import with_local_files

    return with_local_files(text, directory)


def _post(
    client: Client, submission: _Submission, query: dict[str, QueryValue], text: str, template: str | None = None
) -> Reply:
    body = {
        "file": text,
        "set_variables": submission.set_variables,
        "set_string_variables": submission.set_string_variables,
        "uploaded_templated_spec": template,
    }
    return _attempted(lambda: client.post(_path(submission.pool), query, body))


def _attempted(request: Callable[[], Reply]) -> Reply:
    """Make a submission; what refuses it is a failed submission, whatever its kind (api.md §1.5)."""
    try:
        return request()
    except Unreachable:
        raise
    except CliError as error:
        if error.error_code not in _SUBMISSION_CODES:
            raise
        prefix = f"Workflow {error.workflow_id} submit failed:\n" if error.workflow_id else ""
        raise CliError(
            prefix + error.message, exit_code=EXIT_FAILED, code=error.code, error_code=error.error_code
        ) from error


def _pool_of(client: Client, workflow_id: str) -> str:
    pool = client.get(f"/api/workflow/{segment(workflow_id)}").read(WorkflowDetail).pool
    return pool or selected_pool(client)


def _path(pool: str) -> str:
    return f"/api/pool/{segment(pool)}/workflow"


def _show(reply: Reply, format_type: str) -> None:
    if format_type == JSON:
        print_reply(reply.body)
        return
    submitted = reply.read(SubmitReply)
    print("Workflow submit successful.")
    print(f"    Workflow ID        - {submitted.name}")
    print(f"    Workflow Overview  - {submitted.overview}")
    if submitted.dashboard_url:
        print(f"    Workflow Dashboard - {submitted.dashboard_url}")
    for warning in submitted.warnings:
        print(warning)
