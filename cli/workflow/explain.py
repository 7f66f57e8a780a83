"""`workflow explain`: why tasks do not run yet, and where Argo's own pages show them. Ours, not OSMO's."""

from __future__ import annotations

import argparse

from cli.arguments import JSON, Verbs, add_format, add_verb
from cli.client import Client, client_of, segment
from cli.errors import CliError
from cli.output import print_reply, print_table
from cli.replies import WorkflowExplained
from cli.times import ABSENT

_HEADER = ("Task Name", "Status", "Node", "Why")
_UPSTREAM = "upstream"


def add_verbs(verbs: Verbs) -> None:
    """Add `explain`."""
    parser = add_verb(verbs, "explain", run_explain, "say why tasks of a workflow do not run yet")
    parser.add_argument("workflow_id", metavar="ID", help="the workflow's id or UUID")
    add_format(parser)


def run_explain(args: argparse.Namespace) -> int:
    """Show each task with its reason, then links."""
    reply = client_of(args).get(_path(args.workflow_id))
    if args.format_type == JSON:
        print_reply(reply.body)
        return 0
    workflow = reply.read(WorkflowExplained)
    print(f"{workflow.name}: {workflow.status}")
    print()
    rows = [
        (task.name, task.status, task.node_name or ABSENT, task.waiting.message if task.waiting else ABSENT)
        for task in workflow.tasks
    ]
    print_table(_HEADER, rows)
    for line in _links(workflow):
        print(line)
    return 0


def waiting_lines(client: Client, workflow_id: str) -> list[str]:
    """A line for each task that waits for something else than other tasks; none where the server cannot tell."""
    try:
        workflow = client.get(_path(workflow_id)).read(WorkflowExplained)
    except CliError:
        # A server of OSMO's own has no such route.
        return []
    waits = [(task.name, task.waiting) for task in workflow.tasks]
    lines = [f"{name}: {wait.message}" for name, wait in waits if wait is not None and wait.kind != _UPSTREAM]
    return ["", *lines] if lines else []


def _links(workflow: WorkflowExplained) -> list[str]:
    if workflow.argo_url is None:
        return []
    pages = [(task.name, task.argo_url) for task in workflow.tasks if task.argo_url is not None]
    return ["", f"Argo: {workflow.argo_url}", *(f"{name}: {url}" for name, url in pages)]


def _path(workflow_id: str) -> str:
    return f"/api/argosmo/v1/workflow/{segment(workflow_id)}/explain"
