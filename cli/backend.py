"""`argosmo backend`: the places where work runs. Source: api.md §2.13, §8.3 for what OSMO shows of one."""

from __future__ import annotations

import argparse

from cli.arguments import JSON, Verbs, add_format, add_verb, add_verbs
from cli.backend_add import add_add_verb
from cli.backend_test import add_test_verb
from cli.client import client_of, segment
from cli.output import note, print_reply, print_table
from cli.replies import BackendNode, BackendNodes, BackendRow, BackendRows
from cli.times import ABSENT

_GIB = 2**30
_NODE_HEADER = ("Node", "State", "CPU [#]", "Memory [Gi]", "GPU [#]", "Taints", "Platforms")
_HEADER = ("Backend", "Status", "Runs On", "Version", "Kubernetes", "Nodes", "Capabilities", "Description")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of `argosmo backend`."""
    verbs = add_verbs(parser)
    _add_list_verb(verbs)
    _add_nodes_verb(verbs)
    add_add_verb(verbs)
    add_test_verb(verbs)


def _add_list_verb(verbs: Verbs) -> None:
    add_format(add_verb(verbs, "list", run_list, "list backends and whether they answer"))


def _add_nodes_verb(verbs: Verbs) -> None:
    parser = add_verb(verbs, "nodes", run_nodes, "list all nodes of a backend")
    parser.add_argument("backend", metavar="BACKEND", help="its name")
    add_format(parser)


def run_list(args: argparse.Namespace) -> int:
    """List backends."""
    reply = client_of(args).get("/api/argosmo/v1/backend")
    if args.format_type == JSON:
        print_reply(reply.body)
        return 0
    print_table(_HEADER, [_cells(row) for row in reply.read(BackendRows).backends])
    return 0


def run_nodes(args: argparse.Namespace) -> int:
    """List the nodes of a backend."""
    reply = client_of(args).get(f"/api/argosmo/v1/backend/{segment(args.backend)}/nodes")
    if args.format_type == JSON:
        print_reply(reply.body)
        return 0
    nodes = reply.read(BackendNodes).nodes
    if nodes is None:
        note(f"The nodes of {args.backend} are not known: it is offline, or may not show them ('argosmo doctor').")
        return 0
    print_table(_NODE_HEADER, [_node_cells(node) for node in nodes])
    return 0


def _node_cells(node: BackendNode) -> tuple[str, ...]:
    has = node.allocatable
    taints = ", ".join(f"{one.key}{f'={one.value}' if one.value else ''}:{one.effect}" for one in node.taints)
    return (
        node.name,
        _node_state(node),
        str(has.cpu),
        str(has.memory_bytes // _GIB),
        str(has.gpu),
        taints or ABSENT,
        ", ".join(node.platforms) or ABSENT,
    )


def _node_state(node: BackendNode) -> str:
    if node.unschedulable:
        return "CORDONED"
    if node.available:
        return "READY"
    return "NOT READY" if node.conditions.get("Ready") != "True" else "EXCLUDED"


def _cells(row: BackendRow) -> tuple[str, ...]:
    nodes = ABSENT if row.nodes is None else f"{row.nodes_available}/{row.nodes}"
    return (
        row.name,
        "ONLINE" if row.online else "OFFLINE",
        row.runs_on,
        row.version or ABSENT,
        row.kubernetes or ABSENT,
        nodes,
        ", ".join(row.capabilities) or ABSENT,
        row.description or ABSENT,
    )
