"""`workflow logs`, `events` and `spec`: replies that are text. Source: api.md §2.9, §5."""

from __future__ import annotations

import argparse

from cli.arguments import Verbs, add_verb, count, offset
from cli.client import client_of, follow, segment


def add_verbs(verbs: Verbs) -> None:
    """Add `logs`, `events` and `spec`."""
    logs = add_verb(verbs, "logs", run_logs, "print the logs of a workflow, and follow them while it runs")
    _add_workflow(logs)
    _add_task(logs)
    logs.add_argument("--error", action="store_true", help="the error logs of failed tasks instead")
    logs.add_argument("-n", "--last-n-lines", metavar="N", type=count, help="begin with the last N lines")
    events = add_verb(verbs, "events", run_events, "print the events of a workflow, and follow them while it runs")
    _add_workflow(events)
    _add_task(events)
    spec = add_verb(verbs, "spec", run_spec, "print the spec of a workflow")
    _add_workflow(spec)
    spec.add_argument("--template", action="store_true", help="the template as it was submitted, not what it became")


def run_logs(args: argparse.Namespace) -> int:
    """Print logs."""
    kind = "error_logs" if args.error else "logs"
    query = {"last_n_lines": args.last_n_lines, "task_name": args.task, "retry_id": args.retry_id}
    follow(client_of(args).lines(f"/api/workflow/{segment(args.workflow_id)}/{kind}", query))
    return 0


def run_events(args: argparse.Namespace) -> int:
    """Print events."""
    query = {"task_name": args.task, "retry_id": args.retry_id}
    follow(client_of(args).lines(f"/api/workflow/{segment(args.workflow_id)}/events", query))
    return 0


def run_spec(args: argparse.Namespace) -> int:
    """Print the spec."""
    query = {"use_template": args.template}
    follow(client_of(args).lines(f"/api/workflow/{segment(args.workflow_id)}/spec", query))
    return 0


def _add_workflow(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("workflow_id", metavar="ID", help="the workflow's id or UUID")


def _add_task(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-t", "--task", help="of this task only")
    parser.add_argument("-r", "--retry-id", metavar="RETRY", type=offset, help="of this try (default: the latest)")
