"""`argosmo resource`. Source: api.md §2.6, §5."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Iterator, Sequence

from cli.arguments import JSON, add_format, add_verb, add_verbs
from cli.client import Client, client_of, segment
from cli.errors import CliError
from cli.output import print_reply, print_table
from cli.pool import FREE, add_mode
from cli.replies import Amounts, Node, NodeList, PlatformRules, PoolNames
from cli.selected_pool import selected_pool
from cli.times import ABSENT

_HEADER = ("Node", "Pool", "Platform", "Type", "Storage [Gi]", "CPU [#]", "Memory [Gi]", "GPU [#]")
_KINDS = ("storage", "cpu", "memory", "gpu")
_BYTE_KINDS = frozenset({"storage", "memory"})
_AMOUNT = re.compile(r"([0-9.]+)\s*([A-Za-z]*)")
_GIB = 2**30
# As Kubernetes and OSMO write quantities; to OSMO all units are binary.
_UNITS: dict[str, float] = {"": 1, "m": 1 / 1000} | {
    f"{letter}{suffix}": 2 ** (10 * power)
    for power, letter in enumerate("KMGTP", start=1)
    for suffix in ("", "i", "iB", "B")
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of `argosmo resource`."""
    verbs = add_verbs(parser)
    listing = add_verb(verbs, "list", run_list, "list nodes and what is used of them")
    listing.add_argument(
        "-p", "--pool", dest="pools", metavar="POOL", nargs="+", help="of these pools (default: yours)"
    )
    listing.add_argument("--platform", dest="platforms", metavar="PLATFORM", nargs="+", help="of these platforms")
    listing.add_argument("-a", "--all", dest="all_pools", action="store_true", help="of all pools")
    add_mode(listing)
    add_format(listing)
    info = add_verb(verbs, "info", run_info, "show what one node offers and allows")
    info.add_argument("node", metavar="NODE", help="the node's name")
    info.add_argument("-p", "--pool", metavar="POOL", help="as a member of this pool")
    info.add_argument("-pl", "--platform", metavar="PLATFORM", help="as a member of this platform")


def run_list(args: argparse.Namespace) -> int:
    """List nodes."""
    client = client_of(args)
    pools = None if args.all_pools else args.pools or [selected_pool(client)]
    _refuse_unknown_pools(client, pools or ())
    query = {"pools": pools, "all_pools": args.all_pools, "platforms": args.platforms}
    reply = client.get("/api/resources", query)
    if args.format_type == JSON:
        print_reply(reply.body)
        return 0
    nodes = reply.read(NodeList).resources
    listed = [(node, rows) for node in nodes if (rows := _rows(node, args.mode, pools, args.platforms))]
    totals = ("Total", "", "", "", *_totals([node for node, _ in listed], args.mode))
    print_table(_HEADER, [row for _, rows in listed for row in rows], totals)
    return 0


def run_info(args: argparse.Namespace) -> int:
    """Show one node."""
    nodes = client_of(args).get(f"/api/resources/{segment(args.node)}").read(NodeList).resources
    if not nodes:
        raise CliError(f"No node is named {args.node}. 'argosmo resource list --all' lists them.")
    for position, node in enumerate(nodes):
        if position:
            print()
        print("\n".join(_description(node, args.pool, args.platform)))
    return 0


def _refuse_unknown_pools(client: Client, pools: Sequence[str]) -> None:
    known = client.get("/api/pool").read(PoolNames).pools
    unknown = [pool for pool in pools if pool not in known]
    if unknown:
        raise CliError(f"No pool is named {', '.join(unknown)}. Known pools: {', '.join(known) or 'none'}.")


def _rows(node: Node, mode: str, pools: Sequence[str] | None, platforms: Sequence[str] | None) -> list[tuple[str, ...]]:
    rows = []
    for pool, platform in node.places:
        if (pools and pool not in pools) or (platforms and platform not in platforms):
            continue
        allocatable = (node.platform_allocatable_fields or {}).get(pool, {}).get(platform)
        amounts = _shown(allocatable or node.allocatable_fields or {}, node.usage_fields or {}, mode)
        rows.append((node.hostname, pool or ABSENT, platform or ABSENT, node.resource_type or ABSENT, *amounts))
    return rows


def _shown(allocatable: Amounts, usage: Amounts, mode: str) -> Iterator[str]:
    for kind in _KINDS:
        total, used = _number(allocatable, kind), _number(usage, kind)
        yield _amount(total, used, mode)


def _totals(nodes: Sequence[Node], mode: str) -> Iterator[str]:
    # A node counts once, however many pools it is in.
    for kind in _KINDS:
        total = sum(_number(node.allocatable_fields or {}, kind) for node in nodes)
        used = sum(_number(node.usage_fields or {}, kind) for node in nodes)
        yield _amount(total, used, mode)


def _amount(total: float, used: float, mode: str) -> str:
    # Rounded down: what is shown as there can be asked for.
    return str(math.floor(max(0, total - used))) if mode == FREE else f"{used:.0f}/{math.floor(total)}"


def _number(amounts: Amounts, kind: str) -> float:
    """A count, or GiB for storage and memory; 0 where the node lacks it or says something unreadable."""
    match = _AMOUNT.fullmatch(str(amounts.get(kind) or 0))
    if match is None or match[2] not in _UNITS:
        return 0.0
    number = float(match[1]) * _UNITS[match[2]]
    return number / _GIB if kind in _BYTE_KINDS else number


def _description(node: Node, pool: str | None, platform: str | None) -> Iterator[str]:
    yield f"Node: {node.hostname}"
    for name, value in (("Backend", node.backend), ("Type", node.resource_type)):
        if value:
            yield f"{name}: {value}"
    for field, shown in node.exposed_fields.items():
        if field not in ("node", "pool/platform"):
            yield f"{field}: {shown}"
    for its_pool, its_platform in node.places:
        if its_pool and pool in (None, its_pool) and platform in (None, its_platform):
            yield ""
            yield from _membership(node, its_pool, its_platform)


def _membership(node: Node, pool: str, platform: str) -> Iterator[str]:
    yield f"Pool {pool}, platform {platform}"
    allocatable = (node.platform_allocatable_fields or {}).get(pool, {}).get(platform, {})
    for kind in _KINDS:
        if kind in allocatable:
            unit = " Gi" if kind in _BYTE_KINDS else ""
            yield f"  {kind} for tasks: {math.floor(_number(allocatable, kind))}{unit}"
    rules = (node.config_fields or {}).get(pool, {}).get(platform, PlatformRules())
    yield f"  host network: {_allowed(rules.host_network)}"
    yield f"  privileged: {_allowed(rules.privileged)}"
    yield f"  default mounts: {', '.join(rules.default_mounts) or 'none'}"
    yield f"  allowed mounts: {', '.join(rules.allowed_mounts) or 'none'}"


def _allowed(value: bool) -> str:
    return "allowed" if value else "not allowed"
