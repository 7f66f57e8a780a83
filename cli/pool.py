"""`argosmo pool`. Source: api.md §2.6, §5."""

from __future__ import annotations

import argparse

from cli.arguments import JSON, add_format, add_verb, add_verbs
from cli.client import client_of
from cli.output import print_reply, print_table
from cli.replies import PoolQuota, PoolUse, Usage
from cli.times import ABSENT

USED = "used"
FREE = "free"
MODES = (USED, FREE)
_NAMES = ("Pool", "Description", "Status")
_COLUMNS = {
    USED: ("Quota Used", "Quota Limit", "Total Usage", "Total Capacity"),
    FREE: ("Quota Free", "Total Free"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of `argosmo pool`."""
    verb = add_verb(add_verbs(parser), "list", run_list, "list pools and how many of their GPUs are in use")
    verb.add_argument("-p", "--pool", dest="pools", metavar="POOL", nargs="+", help="only these (default: all)")
    add_mode(verb)
    add_format(verb)


def add_mode(parser: argparse.ArgumentParser) -> None:
    """Add `-m/--mode`."""
    parser.add_argument("-m", "--mode", choices=MODES, default=USED, help="show what is used (default) or free")


def run_list(args: argparse.Namespace) -> int:
    """List pools."""
    query = {"pools": args.pools, "all_pools": not args.pools}
    reply = client_of(args).get("/api/pool_quota", query)
    if args.format_type == JSON:
        print_reply(reply.body)
        return 0
    quota = reply.read(PoolQuota)
    rows = [
        (pool.name, pool.description or ABSENT, pool.status, *_counts(pool, args.mode, shared=position > 0))
        for node_set in quota.node_sets
        for position, pool in enumerate(node_set.pools)
    ]
    totals = ("Total", "", "", *_numbers(quota.resource_sum, args.mode))
    print("GPU counts")
    print_table((*_NAMES, *_COLUMNS[args.mode]), rows, totals)
    return 0


def _counts(pool: PoolUse, mode: str, *, shared: bool) -> tuple[str, ...]:
    *quota, nodes = _numbers(pool.resource_usage, mode)
    # The last number is the node set's; it is the same for each of its pools.
    return (*quota, f"{nodes} (shared)" if shared else nodes)


def _numbers(usage: Usage, mode: str) -> tuple[str, ...]:
    if mode == FREE:
        return (usage.quota_free, usage.total_free)
    return (usage.quota_used, usage.quota_limit, usage.total_usage, usage.total_capacity)
