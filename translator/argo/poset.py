"""The order of groups as a poset: who must have succeeded before whom.

Sets of groups are integers with one bit a group, which keeps thousands of groups cheap.
"""

from __future__ import annotations

from collections.abc import Sequence

from translator.argo.faults import refusal
from translator.plan.model import GroupPlan

Edges = tuple[tuple[int, ...], ...]
"""For each node the nodes it waits for, by number, rising."""


def group_edges(groups: Sequence[GroupPlan]) -> Edges:
    """What each group waits for, as numbers of groups, rising.

    Errors: TranslationError for an upstream that is no group of the Plan.
    """
    numbers = {group.name: number for number, group in enumerate(groups)}
    edges = []
    for group in groups:
        for name in group.upstream:
            if name not in numbers:
                raise refusal("unknown-upstream", f'Expected "{name}", upstream of "{group.name}", to be a group.')
        edges.append(tuple(sorted({numbers[name] for name in group.upstream})))
    return tuple(edges)


def topological_order(edges: Edges) -> tuple[int, ...]:
    """All nodes, each after what it waits for; of those that may come next the one freed last goes first.

    So chains stay together, and a cut through the order crosses few edges. Errors: TranslationError for a cycle.
    """
    waiting = [len(above) for above in edges]
    below = successors(edges)
    free = [node for node in range(len(edges) - 1, -1, -1) if not waiting[node]]
    order = []
    while free:
        node = free.pop()
        order.append(node)
        for successor in reversed(below[node]):
            waiting[successor] -= 1
            if not waiting[successor]:
                free.append(successor)
    if len(order) < len(edges):
        raise refusal("cycle", "Expected groups that do not wait for each other in a circle.")
    return tuple(order)


def rising_order(edges: Edges) -> Sequence[int]:
    """All nodes, each after what it waits for; as they are where that is such an order already.

    Shape: `edges` have no cycle.
    """
    if all(not above or max(above) < node for node, above in enumerate(edges)):
        return range(len(edges))
    return topological_order(edges)


def successors(edges: Edges) -> list[list[int]]:
    """For each node the nodes that wait for it, rising."""
    below: list[list[int]] = [[] for _ in edges]
    for node, above in enumerate(edges):
        for predecessor in above:
            below[predecessor].append(node)
    return below


def ancestor_sets(edges: Edges, order: Sequence[int]) -> list[int]:
    """For each node the set of it and all nodes before it."""
    sets = [0] * len(edges)
    for node in order:
        found = 1 << node
        for predecessor in edges[node]:
            found |= sets[predecessor]
        sets[node] = found
    return sets


def reduced(edges: Edges, order: Sequence[int]) -> Edges:
    """The same order with the fewest edges: those that follow from others are left out."""
    if all(len(above) < 2 for above in edges):
        return edges
    kept = list(edges)
    before = [0] * len(edges)
    for node in order:
        covered = 0
        for predecessor in edges[node]:
            covered |= before[predecessor]
        kept[node] = tuple([predecessor for predecessor in edges[node] if not covered >> predecessor & 1])
        for predecessor in kept[node]:
            covered |= 1 << predecessor
        before[node] = covered
    return tuple(kept)
