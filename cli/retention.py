"""`argosmo retention`: what the rules of the configuration remove. For administrators."""

from __future__ import annotations

import argparse

from cli.arguments import JSON, Verbs, add_format, add_verb, add_verbs, count
from cli.client import client_of
from cli.output import note, print_reply, print_table
from cli.replies import RetentionReply, RetentionRow
from cli.times import ABSENT, local_time

_PATH = "/api/argosmo/v1/retention"
_HEADER = ("Workflow ID", "Pool", "End Time", "Rule", "Data", "Logs", "Record", "Remark")
_MIB = 2**20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of `argosmo retention`."""
    verbs = add_verbs(parser)
    _add(verbs, "preview", "show what would be removed now; nothing is")
    _add(verbs, "apply", "remove now what is due")


def run(args: argparse.Namespace) -> int:
    """Show or remove."""
    client, query = client_of(args), {"limit": args.count}
    removes = args.verb == "apply"
    reply = client.post(_PATH, query) if removes else client.get(_PATH, query)
    if args.format_type == JSON:
        print_reply(reply.body)
        return 0
    found = reply.read(RetentionReply)
    if not found.workflows:
        note("Nothing is due.")
        return 0
    print_table(_HEADER, [_cells(row) for row in found.workflows])
    if found.more:
        note(f"There is more than {args.count}: ask again, with --count for more at a time.")
    return 0


def _add(verbs: Verbs, name: str, help_text: str) -> None:
    verb = add_verb(verbs, name, run, help_text)
    verb.add_argument("-c", "--count", type=count, default=100, help="of how many workflows at most (default: 100)")
    add_format(verb)


def _cells(row: RetentionRow) -> tuple[str, ...]:
    return (
        row.workflow_id,
        row.pool or ABSENT,
        local_time(row.end_time),
        row.rule,
        f"{row.objects} objects, {row.bytes / _MIB:.1f} MiB" if row.data else ABSENT,
        f"{row.log_bytes / _MIB:.1f} MiB" if row.logs else ABSENT,
        "yes" if row.record else ABSENT,
        row.problem,
    )
