"""Modules of at most so many tasks: what is too much goes into DAGs of its own, as few as possible.

Source: argo.md §2.1 (200 tasks a DAG); design §5.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from translator.argo.modules import AnyModule, Parallel, Series, dag_of, leaf, parallel, prime, series
from translator.argo.poset import Edges

_MAX_BIPARTITE_EDGES = 256
"""Where more edges than this join two stages one by one, the larger stage is nested, so that few remain."""


class TooWide(Exception):
    """A part of the graph cannot be nested. Shape: `width` is how many tasks its DAG would have at least."""

    def __init__(self, width: int) -> None:
        self.width = width
        super().__init__(f"a part of {width} tasks cannot be nested")


def side_by_side(parts: Sequence[AnyModule], limit: int) -> AnyModule:
    """Parts that do not wait for each other, as a module of at most `limit` tasks."""
    flat: list[AnyModule] = []
    for part in parts:
        flat += part.parts if isinstance(part, Parallel) else (part,)
    return _fitted(flat, parallel, limit)


def one_after_the_other(parts: Sequence[AnyModule], limit: int) -> AnyModule:
    """Parts of which each waits for the one before, as a module of at most `limit` tasks."""
    flat: list[AnyModule] = []
    for part in parts:
        flat += part.parts if isinstance(part, Series) else (part,)
    for number in range(1, len(flat)):
        before, after = flat[number - 1], flat[number]
        if before.sinks * after.sources > _MAX_BIPARTITE_EDGES:
            larger = number - 1 if before.sinks >= after.sources else number
            flat[larger] = nested(flat[larger])
    return _fitted(flat, series, limit)


def connected(parts: Sequence[AnyModule], edges: Edges, limit: int) -> AnyModule:
    """Parts with edges between them, as a module of at most `limit` tasks. Errors: TooWide."""
    if len(parts) > limit:
        raise TooWide(len(parts))
    fitted = list(parts)
    excess = sum([part.size for part in parts]) - limit
    crowded = {
        number
        for node, above in enumerate(edges)
        for other in above
        if parts[other].sinks * parts[node].sources > _MAX_BIPARTITE_EDGES
        for number in (node, other)
    }
    # The largest parts first: each takes the most out of the way.
    for number in sorted(range(len(fitted)), key=lambda number: (-fitted[number].size, number)):
        size = fitted[number].size
        if size > 1 and (excess > 0 or number in crowded):
            fitted[number] = nested(fitted[number])
            excess -= size - 1
    return prime(fitted, edges)


def nested(module: AnyModule) -> AnyModule:
    """The module as one task: a DAG of its own."""
    return module if module.size == 1 else leaf(dag_of(module))


def _fitted(parts: Sequence[AnyModule], together: Callable[[Sequence[AnyModule]], AnyModule], limit: int) -> AnyModule:
    while sum([part.size for part in parts]) > limit:
        parts = [
            nested(together(content)) if len(content) > 1 else nested(content[0]) for content in _bins(parts, limit)
        ]
    return together(parts) if len(parts) > 1 else parts[0]


def _bins(parts: Sequence[AnyModule], limit: int) -> list[list[AnyModule]]:
    """Neighbours together, as many as fit into one DAG."""
    bins: list[list[AnyModule]] = []
    room = 0
    for part in parts:
        if part.size > room:
            bins.append([])
            room = limit
        bins[-1].append(part)
        room -= part.size
    return bins
