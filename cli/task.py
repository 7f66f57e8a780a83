"""`argosmo task`. Source: api.md §2.11, §5."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from cli.arguments import (
    JSON,
    PRIORITIES,
    add_format,
    add_users,
    add_verb,
    add_verbs,
    count,
    date,
    offset,
    one_of,
)
from cli.client import QueryValue, client_of, segment
from cli.output import print_reply, print_table
from cli.replies import TaskList, TaskRow, UseList, UseRow
from cli.times import ABSENT, duration, local_time
from translator.lifecycle.words import TaskStatus

_LIVE = (TaskStatus.PROCESSING, TaskStatus.SCHEDULING, TaskStatus.INITIALIZING, TaskStatus.RUNNING)
_AMOUNTS = ("Storage [Gi]", "CPU [#]", "Memory [Gi]", "GPU [#]")
_HEADER = ("User", "Workflow ID", "Task", "Retry ID", "Status", "Pool", "Priority", "Start Time", "Duration")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of `argosmo task`."""
    verbs = add_verbs(parser)
    verb = add_verb(verbs, "list", run_list, "list tasks; without -s those that are not over")
    verb.add_argument(
        "-s", "--status", dest="statuses", metavar="STATUS", nargs="+", type=one_of(tuple(TaskStatus)), default=_LIVE
    )
    verb.add_argument("-w", "--workflow-id", metavar="ID", help="only workflows whose id contains this text")
    add_users(verb)
    where = verb.add_mutually_exclusive_group()
    where.add_argument("-p", "--pool", dest="pools", metavar="POOL", nargs="+", help="in these pools (default: all)")
    where.add_argument("-n", "--node", dest="nodes", metavar="NODE", nargs="+", help="on these nodes")
    verb.add_argument("--started-after", metavar="DATE", type=date, help="started later, or not yet")
    verb.add_argument("--started-before", metavar="DATE", type=date, help="started before this time")
    verb.add_argument("-c", "--count", type=count, default=20, help="how many to list (default: 20)")
    verb.add_argument("-f", "--offset", type=offset, default=0, help="how many to skip")
    verb.add_argument("-o", "--order", choices=("asc", "desc"), default="asc", help="asc (default) or desc")
    form = verb.add_mutually_exclusive_group()
    form.add_argument("-v", "--verbose", action="store_true", help="also nodes and what tasks ask for")
    form.add_argument("-S", "--summary", action="store_true", help="sums for each user, pool and priority")
    verb.add_argument("-W", "--aggregate-by-workflow", action="store_true", help="sums for each workflow")
    verb.add_argument("--priority", nargs="+", type=one_of(PRIORITIES), help="of these priorities")
    add_format(verb)
    passport = add_verb(verbs, "passport", run_passport, "show which files a task uploaded where, with their SHA-256")
    passport.add_argument("workflow_id", metavar="WORKFLOW", help="the id of the workflow")
    passport.add_argument("task", metavar="TASK", help="the name of the task")
    passport.add_argument(
        "--retry-id", type=offset, help="of this attempt (default: the latest that uploaded anything)"
    )
    add_format(passport)


def run_passport(args: argparse.Namespace) -> int:
    """Show a passport."""
    path = f"/api/argosmo/v1/workflow/{segment(args.workflow_id)}/task/{segment(args.task)}/passport"
    reply = client_of(args).get(path, {"retry_id": args.retry_id})
    if args.format_type == JSON:
        print_reply(reply.body)
        return 0
    from runtime.passport import Passport

    found = reply.read(Passport)
    print(f"{found.task} of {found.workflow_id}, attempt {found.retry_id}, image {found.image}")
    if not found.complete:
        print("Its upload failed: these places were finished.")
    for place in found.places:
        print(f"\n{place.url} ({place.kind}): {place.file_count} files, {place.total_bytes} bytes")
        for file in place.files:
            print(f"{file.sha256}  {file.size:>12}  {file.path}")
        if place.left_out:
            print(f"and {place.left_out} more files")
    return 0


def run_list(args: argparse.Namespace) -> int:
    """List tasks."""
    reply = client_of(args).get("/api/task", _filters(args))
    if args.format_type == JSON:
        print_reply(reply.body)
    elif args.summary or args.aggregate_by_workflow:
        _print_sums(reply.read(UseList).summaries, by_workflow=args.aggregate_by_workflow)
    else:
        _print_tasks(reply.read(TaskList).tasks, verbose=args.verbose)
    return 0


def _filters(args: argparse.Namespace) -> dict[str, QueryValue]:
    return {
        "limit": args.count,
        "offset": args.offset,
        "users": args.users,
        "all_users": args.all_users,
        "workflow_id": args.workflow_id,
        "statuses": args.statuses,
        "order": args.order.upper(),
        "pools": args.pools,
        "all_pools": None if args.pools else True,
        "nodes": args.nodes,
        "started_after": args.started_after,
        "started_before": args.started_before,
        "summary": True if args.summary else None,
        "aggregate_by_workflow": True if args.aggregate_by_workflow else None,
        "priority": args.priority,
    }


def _print_tasks(tasks: Sequence[TaskRow], *, verbose: bool) -> None:
    if not verbose:
        print_table(_HEADER, [_cells(task) for task in tasks])
        return
    header = (*_HEADER, "Node", *_AMOUNTS)
    rows = [(*_cells(task), task.node or ABSENT, *_amounts(task)) for task in tasks]
    print_table(header, rows, ("Total", *("" for _ in _HEADER), *_totals(tasks)))


def _print_sums(sums: Sequence[UseRow], *, by_workflow: bool) -> None:
    header = ("User", *(("Workflow ID",) if by_workflow else ()), "Pool", "Priority")
    rows = [
        (
            row.user,
            *((row.workflow_id or ABSENT,) if by_workflow else ()),
            row.pool or ABSENT,
            row.priority or ABSENT,
            *_amounts(row),
        )
        for row in sums
    ]
    print_table((*header, *_AMOUNTS), rows, ("Total", *("" for _ in header[1:]), *_totals(sums)))


def _cells(task: TaskRow) -> tuple[str, ...]:
    return (
        task.user,
        task.workflow_id,
        task.task_name,
        str(task.retry_id),
        task.status,
        task.pool or ABSENT,
        task.priority or ABSENT,
        local_time(task.start_time),
        duration(task.duration),
    )


def _amounts(row: TaskRow | UseRow) -> tuple[str, ...]:
    return tuple(f"{amount:g}" for amount in (row.storage, row.cpu, row.memory, row.gpu))


def _totals(rows: Sequence[TaskRow | UseRow]) -> tuple[str, ...]:
    columns = zip(*((row.storage, row.cpu, row.memory, row.gpu) for row in rows), strict=True)
    return tuple(f"{sum(column):g}" for column in columns) if rows else ("0",) * len(_AMOUNTS)
