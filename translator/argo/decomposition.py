"""A graph as nested DAGs of at most so many tasks each, in the same order of execution.

What is series and parallel is contracted first; what remains is split side by side and one after the other as far as
that goes; what is neither (prime) keeps its edges.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from translator.argo.contraction import contracted
from translator.argo.modules import AnyModule, Dag, DagTask, dag_of
from translator.argo.nesting import connected, one_after_the_other, side_by_side
from translator.argo.poset import Edges, ancestor_sets, rising_order, successors

_MAX_DEPTH = 60
"""Bounds how often parts are split in turn; what is left then stays prime, which is correct, only less neat."""

_Split = tuple[Callable[[Edges], list[list[int]]], Callable[[Sequence[AnyModule], int], AnyModule]]


def flat_dag(edges: Edges, order: Sequence[int]) -> Dag:
    """The graph as it is, in one DAG."""
    place = {node: number for number, node in enumerate(order)}
    return Dag(tuple([DagTask(node, tuple(sorted([place[above] for above in edges[node]]))) for node in order]))


@dataclass(frozen=True, slots=True, kw_only=True)
class NestedDag:
    """A graph as nested DAGs. Shape: `width` is how many parts the widest prime in it has; 0 where there is none."""

    dag: Dag
    width: int


def nested_dag(edges: Edges, names: Sequence[int], limit: int) -> NestedDag:
    """The graph as a DAG of at most `limit` tasks, with DAGs as tasks where that is needed.

    Shape: `edges` are those of a transitive reduction, `names` what the nodes are called in the DAG. Errors: TooWide.
    """
    work = _Decomposition(limit)
    dag = dag_of(work.decomposed(*contracted(edges, names, limit), _SPLITS, depth=0))
    return NestedDag(dag=dag, width=work.width)


class _Decomposition:
    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.width = 0

    def decomposed(
        self, parts: Sequence[AnyModule], edges: Edges, splits: Sequence[_Split], *, depth: int
    ) -> AnyModule:
        """The parts as one module; `splits` are those that may split them."""
        if len(parts) == 1:
            return parts[0]
        for split in splits if depth < _MAX_DEPTH else ():
            blocks_of, together = split
            blocks = blocks_of(edges)
            if len(blocks) > 1:
                # What comes out of a split cannot be split again in the same way.
                others = [other for other in _SPLITS if other is not split]
                return together([self._block(parts, edges, block, others, depth) for block in blocks], self.limit)
        self.width = max(self.width, len(parts))
        return connected(parts, edges, self.limit)

    def _block(
        self, parts: Sequence[AnyModule], edges: Edges, block: Sequence[int], splits: Sequence[_Split], depth: int
    ) -> AnyModule:
        if len(block) == 1:
            return parts[block[0]]
        numbers = {node: number for number, node in enumerate(block)}
        inner = tuple([tuple([numbers[other] for other in edges[node] if other in numbers]) for node in block])
        return self.decomposed([parts[node] for node in block], inner, splits, depth=depth + 1)


def _components(edges: Edges) -> list[list[int]]:
    """The parts that no edge connects, each rising, in the order of their first nodes."""
    below = successors(edges)
    seen = bytearray(len(edges))
    blocks: list[list[int]] = []
    for first in range(len(edges)):
        if seen[first]:
            continue
        seen[first] = True
        block = [first]
        for node in block:
            for other in (*edges[node], *below[node]):
                if not seen[other]:
                    seen[other] = True
                    block.append(other)
        blocks.append(sorted(block))
    return blocks


def _stages(edges: Edges) -> list[list[int]]:
    """The blocks of which each is before all of the next, in that order."""
    order = rising_order(edges)
    # Whatever is before all of a next stage is no sink, and what comes after a stage no source.
    waited_for = {other for above in edges for other in above}
    first_sink = next(number for number, node in enumerate(order) if node not in waited_for)
    if not all(edges[node] for node in order[first_sink:]):
        return [list(range(len(edges)))]
    sets = ancestor_sets(edges, order)
    # A cut after the first k nodes is one where all later nodes have all of them before.
    common = [0] * len(order)
    seen = -1
    for number in range(len(order) - 1, -1, -1):
        seen &= sets[order[number]]
        common[number] = seen
    blocks: list[list[int]] = []
    prefix = 0
    begin = 0
    for number in range(1, len(order)):
        prefix |= 1 << order[number - 1]
        if prefix & common[number] == prefix:
            blocks.append(sorted(order[begin:number]))
            begin = number
    return [*blocks, sorted(order[begin:])]


_SPLITS: tuple[_Split, ...] = ((_components, side_by_side), (_stages, one_after_the_other))
