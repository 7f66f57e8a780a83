"""The nodes as the resource list shows them: to which pools each belongs, what it has, what is in use.

Source: api.md §2.6 (`/api/resources`), platform.md §1.6.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from pools.model import Config
from pools.nodes import NO_CAPACITY, Node, belongs, is_available, remaining, total
from pools.platforms import PlatformPolicy
from templates.variables import NodeCapacity


class ResourceType(StrEnum):
    """Whether a node is in no pool, in one or in several."""

    UNUSED = "UNUSED"
    RESERVED = "RESERVED"
    SHARED = "SHARED"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformShare:
    """What one node offers to one platform.

    Shape: `allocatable` is the node's less the platform's sidecar; `available` less what workflows use too;
    `workflow_allocatable` is `allocatable` less what others than workflows use, and what rules are judged against.
    """

    policy: PlatformPolicy
    allocatable: NodeCapacity
    available: NodeCapacity
    workflow_allocatable: NodeCapacity


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceEntry:
    """One node of the list. Shape: `shares` by pool and platform in the configuration's order, filtered as asked."""

    node: Node
    resource_type: ResourceType
    usage: NodeCapacity
    shares: tuple[PlatformShare, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformTotal:
    """The sums over one platform's nodes."""

    policy: PlatformPolicy
    usage: NodeCapacity
    allocatable: NodeCapacity


def resource_entries(
    config: Config,
    nodes: Iterable[Node],
    usage: Mapping[tuple[str, str], NodeCapacity],
    *,
    pools: Collection[str] | None = None,
    platforms: Collection[str] | None = None,
) -> list[ResourceEntry]:
    """The available nodes, sorted by backend and name.

    Shape: `usage` is what workflow pods request, by (backend, node). With `pools` only nodes of those pools;
    `platforms` counts only together with it.
    """
    entries = []
    for node in sorted(nodes, key=lambda one: (one.backend, one.name)):
        backend = config.backends.get(node.backend)
        if backend is None or not is_available(node, backend.node_conditions):
            continue
        policies = policies_of(config, node)
        asked = [policy for policy in policies if _is_asked(policy, pools, platforms)]
        if asked or pools is None:
            entries.append(_entry(config, node, policies, asked, usage.get((node.backend, node.name), NO_CAPACITY)))
    return entries


def platform_totals(entries: Iterable[ResourceEntry]) -> list[PlatformTotal]:
    """The concise list: one row per pool and platform that has nodes, in order of names."""
    rows: dict[tuple[str, str], list[tuple[ResourceEntry, PlatformShare]]] = defaultdict(list)
    for entry in entries:
        for share in entry.shares:
            rows[share.policy.pool, share.policy.name].append((entry, share))
    return [
        PlatformTotal(
            policy=found[0][1].policy,
            usage=total(entry.usage for entry, _ in found),
            allocatable=total(share.allocatable for _, share in found),
        )
        for _, found in sorted(rows.items())
    ]


def policies_of(config: Config, node: Node) -> list[PlatformPolicy]:
    """The platforms that a node belongs to, over all pools of its backend."""
    return [
        policy
        for policy in config.policies.values()
        if policy.backend == node.backend and belongs(node, policy.placement)
    ]


def workflow_capacity(config: Config, policy: PlatformPolicy, node: Node) -> NodeCapacity:
    """What one task of the platform could have of the node at most: not what is free now."""
    return remaining(node.allocatable, _sidecar(config, policy), node.foreign_usage)


def _is_asked(policy: PlatformPolicy, pools: Collection[str] | None, platforms: Collection[str] | None) -> bool:
    if pools is None:
        return True
    return policy.pool in pools and (not platforms or policy.name in platforms)


def _entry(
    config: Config,
    node: Node,
    policies: Collection[PlatformPolicy],
    asked: Iterable[PlatformPolicy],
    usage: NodeCapacity,
) -> ResourceEntry:
    pools = {policy.pool for policy in policies}
    kind = ResourceType.UNUSED if not pools else ResourceType.RESERVED if len(pools) == 1 else ResourceType.SHARED
    used = _at_most(usage, node.allocatable)
    return ResourceEntry(
        node=node,
        resource_type=kind,
        usage=used,
        shares=tuple(
            PlatformShare(
                policy=policy,
                allocatable=remaining(node.allocatable, _sidecar(config, policy)),
                available=remaining(node.allocatable, _sidecar(config, policy), node.foreign_usage, used),
                workflow_allocatable=workflow_capacity(config, policy, node),
            )
            for policy in asked
        ),
    )


def _sidecar(config: Config, policy: PlatformPolicy) -> NodeCapacity:
    """The local engine moves data itself; only pods have a sidecar."""
    backend = config.backends.get(policy.backend)
    return NO_CAPACITY if backend is not None and backend.is_local else policy.sidecar


def _at_most(usage: NodeCapacity, capacity: NodeCapacity) -> NodeCapacity:
    return replace(
        usage,
        cpu=min(usage.cpu, capacity.cpu),
        gpu=min(usage.gpu, capacity.gpu),
        memory_bytes=min(usage.memory_bytes, capacity.memory_bytes),
        storage_bytes=min(usage.storage_bytes, capacity.storage_bytes),
    )
