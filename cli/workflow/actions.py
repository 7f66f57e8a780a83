"""`workflow cancel` and `tag`: verbs that go through several workflows. Source: api.md §2.10, §5."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from cli.arguments import JSON, TEXT, Verbs, add_format, add_verb
from cli.client import Reply, client_of, segment
from cli.errors import CliError, Unreachable
from cli.output import print_error, print_reply
from cli.replies import Named, Tags


def add_verbs(verbs: Verbs) -> None:
    """Add `cancel` and `tag`."""
    cancel = add_verb(verbs, "cancel", run_cancel, "cancel workflows")
    cancel.add_argument("workflow_ids", metavar="ID", nargs="+", help="ids of the workflows")
    cancel.add_argument("-m", "--message", help="why; shown with the workflow")
    cancel.add_argument("-f", "--force", action="store_true", help="also if the workflow counts as finished")
    add_format(cancel)
    tag = add_verb(verbs, "tag", run_tag, "list the known tags, or tag workflows")
    tag.add_argument("-w", "--workflow", dest="workflow_ids", metavar="ID", nargs="+", default=[], help="workflows")
    tag.add_argument("-a", "--add", metavar="TAG", nargs="+", help="tags to add")
    tag.add_argument("-r", "--remove", metavar="TAG", nargs="+", help="tags to remove")


def run_cancel(args: argparse.Namespace) -> int:
    """Cancel each workflow; one that cannot be canceled is reported, and does not change the exit code."""
    client = client_of(args)
    query = {"force": args.force, "message": args.message}

    def cancel(workflow_id: str) -> Reply:
        return client.post(f"/api/workflow/{segment(workflow_id)}/cancel", query)

    def show(workflow_id: str, reply: Reply) -> None:
        if args.format_type == JSON:
            print_reply(reply.body)
        else:
            print(f"Cancellation of workflow {reply.read(Named).name} was requested.")

    _for_each(args.workflow_ids, cancel, show, args.format_type)
    return 0


def run_tag(args: argparse.Namespace) -> int:
    """List tags where nothing else is asked, else tag each workflow."""
    client = client_of(args)
    if not (args.workflow_ids or args.add or args.remove):
        for tag in client.get("/api/tag").read(Tags).tags:
            print(tag)
        return 0
    if not args.workflow_ids or not (args.add or args.remove):
        raise CliError("Give workflows (-w) together with tags to add (-a) or to remove (-r).")

    def change(workflow_id: str) -> Reply:
        return client.post(f"/api/workflow/{segment(workflow_id)}/tag", {"add": args.add, "remove": args.remove})

    def show(workflow_id: str, reply: Reply) -> None:
        print(f"Tags of workflow {workflow_id} were changed.")

    _for_each(args.workflow_ids, change, show, TEXT)
    return 0


def _for_each(
    workflow_ids: Sequence[str],
    request: Callable[[str], Reply],
    show: Callable[[str, Reply], None],
    format_type: str,
) -> None:
    for workflow_id in workflow_ids:
        try:
            reply = request(workflow_id)
        except Unreachable:
            # Nobody is there, or he is unwell: asking again for the next id would only repeat it.
            raise
        except CliError as error:
            print_error(error, as_json=format_type == JSON)
        else:
            show(workflow_id, reply)
