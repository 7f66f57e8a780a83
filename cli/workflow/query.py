"""`workflow query`. Source: api.md §2.8, §5."""

from __future__ import annotations

import argparse

from cli.arguments import JSON, Verbs, add_format, add_verb
from cli.client import client_of, segment
from cli.output import print_reply, print_table
from cli.replies import TaskState, WorkflowDetail
from cli.times import local_time
from cli.workflow.explain import waiting_lines
from cli.workflow.listing import label_text

_BEFORE_RUNNING = frozenset({"PROCESSING", "SCHEDULING", "INITIALIZING"})


def add_verbs(verbs: Verbs) -> None:
    """Add `query`."""
    parser = add_verb(verbs, "query", run_query, "show one workflow and its tasks")
    parser.add_argument("workflow_id", metavar="ID", help="the workflow's id or UUID")
    parser.add_argument("-v", "--verbose", action="store_true", help="every try of each task, not the last one only")
    add_format(parser)


def run_query(args: argparse.Namespace) -> int:
    """Show one workflow."""
    client = client_of(args)
    reply = client.get(f"/api/workflow/{segment(args.workflow_id)}", {"verbose": args.verbose})
    if args.format_type == JSON:
        print_reply(reply.body)
        return 0
    workflow = reply.read(WorkflowDetail)
    for line in _summary(workflow):
        print(line)
    print()
    tasks = [task for group in workflow.groups for task in group.tasks]
    header = ("Task Name", *(("Retry ID",) if args.verbose else ()), "Start Time", "Status")
    print_table(header, [_cells(task, verbose=args.verbose) for task in tasks])
    if any(task.status in _BEFORE_RUNNING for task in tasks):
        for line in waiting_lines(client, workflow.name):
            print(line)
    return 0


def _summary(workflow: WorkflowDetail) -> list[str]:
    facts = {
        "Workflow ID": workflow.name,
        "Status": workflow.status,
        "User": workflow.submitted_by,
        "Submit Time": local_time(workflow.submit_time),
        "Labels": label_text(workflow.labels) if workflow.labels else None,
        "Overview": workflow.overview,
    }
    width = max(map(len, facts))
    return [f"{name.ljust(width)} : {value}" for name, value in facts.items() if value is not None]


def _cells(task: TaskState, *, verbose: bool) -> tuple[str, ...]:
    retry = (str(task.retry_id),) if verbose else ()
    return (task.name, *retry, local_time(task.start_time), task.status)
