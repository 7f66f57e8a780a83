"""`workflow list`. Source: api.md §2.8, §5."""

from __future__ import annotations

import argparse

import msgspec

from cli.arguments import (
    JSON,
    PRIORITIES,
    Verbs,
    add_format,
    add_users,
    add_verb,
    assignment,
    count,
    date,
    offset,
    one_of,
)
from cli.client import Client, QueryValue, client_of
from cli.output import print_json, print_table
from cli.replies import WorkflowList, WorkflowRow
from cli.times import ABSENT, local_time
from translator.lifecycle.words import WorkflowStatus

_HEADER = ("User", "Workflow ID", "Submit Time", "Status", "Priority", "Labels", "Overview")
# The server refuses longer pages.
_PAGE = 1000


def add_verbs(verbs: Verbs) -> None:
    """Add `list`."""
    parser = add_verb(verbs, "list", run_list, "list workflows, the newest last")
    parser.add_argument("-c", "--count", type=count, default=20, help="how many to list (default: 20)")
    parser.add_argument("-f", "--offset", type=offset, default=0, help="how many of the newest to skip")
    parser.add_argument("-n", "--name", help="only ids that contain this text")
    parser.add_argument(
        "-o", "--order", choices=("asc", "desc"), default="asc", help="asc: the newest last (default); desc: first"
    )
    parser.add_argument(
        "-s",
        "--status",
        dest="statuses",
        metavar="STATUS",
        nargs="+",
        type=one_of(tuple(WorkflowStatus)),
        help="only these statuses",
    )
    parser.add_argument("--submitted-after", metavar="DATE", type=date, help="submitted at this time or later")
    parser.add_argument("--submitted-before", metavar="DATE", type=date, help="submitted before this time")
    parser.add_argument("--tags", metavar="TAG", nargs="+", help="with one of these tags")
    parser.add_argument("--priority", nargs="+", type=one_of(PRIORITIES), help="of these priorities")
    parser.add_argument(
        "--label",
        dest="labels",
        metavar="KEY=VALUE",
        action="append",
        type=assignment,
        help="with this label; VALUE may hold * and (a|b); may be given several times",
    )
    parser.add_argument(
        "--no-label", dest="no_labels", metavar="KEY", action="append", help="without this label; repeatable"
    )
    add_users(parser)
    parser.add_argument("-p", "--pool", dest="pools", metavar="POOL", nargs="+", help="in these pools (default: all)")
    parser.add_argument("-P", "--app", metavar="APP[:VERSION]", help="submitted from this app")
    add_format(parser)


def run_list(args: argparse.Namespace) -> int:
    """List workflows."""
    rows = _rows(client_of(args), args)
    if args.order == "asc":
        rows.reverse()
    if args.format_type == JSON:
        print_json({"workflows": rows})
        return 0
    print_table(_HEADER, [_cells(msgspec.json.decode(row, type=WorkflowRow)) for row in rows])
    return 0


def _rows(client: Client, args: argparse.Namespace) -> list[msgspec.Raw]:
    rows: list[msgspec.Raw] = []
    while len(rows) < args.count:
        limit = min(_PAGE, args.count - len(rows))
        page = client.get("/api/workflow", _filters(args) | {"limit": limit, "offset": args.offset + len(rows)}).read(
            WorkflowList
        )
        rows += page.workflows
        if not page.more_entries or not page.workflows:
            break
    return rows


def _filters(args: argparse.Namespace) -> dict[str, QueryValue]:
    return {
        "users": args.users,
        "all_users": True if args.all_users else None,
        "statuses": args.statuses,
        "name": args.name,
        "order": "DESC",
        "tags": args.tags,
        "pools": args.pools,
        "all_pools": None if args.pools else True,
        "app": args.app,
        "priority": args.priority,
        "label": args.labels,
        "no_label": args.no_labels,
        "submitted_after": args.submitted_after,
        "submitted_before": args.submitted_before,
    }


def _cells(row: WorkflowRow) -> tuple[str, ...]:
    return (
        row.user,
        row.name,
        local_time(row.submit_time),
        row.status,
        row.priority or ABSENT,
        label_text(row.labels),
        row.overview,
    )


def label_text(labels: dict[str, str] | None) -> str:
    """Labels in one cell; `-` where there are none."""
    return ", ".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or ABSENT
