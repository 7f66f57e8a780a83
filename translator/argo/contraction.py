"""A graph with all that is series and parallel in it contracted, at whatever depth.

Twins, nodes with the same ones before and after them, are side by side; links of a chain come one after the other.
Merging either gives a node that may be a twin or a link in turn. The graph must be a transitive reduction, and stays
one.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence

from translator.argo.modules import AnyModule, leaf
from translator.argo.nesting import one_after_the_other, side_by_side
from translator.argo.poset import Edges, successors


def contracted(edges: Edges, names: Sequence[int], limit: int) -> tuple[list[AnyModule], Edges]:
    """Modules of at most `limit` tasks, and the edges between them, by number; in the order of their first nodes.

    Shape: `names` are what the nodes are called in the modules.
    """
    work = _Contraction(edges, names, limit)
    work.run()
    numbers = {node: number for number, node in enumerate(work.modules)}
    quotient = tuple([tuple(sorted([numbers[other] for other in work.above[node]])) for node in work.modules])
    return list(work.modules.values()), quotient


class _Contraction:
    """The graph while it is contracted.

    Shape: a merged node is called like the first of its nodes; `modules` are those that are left, rising.
    """

    def __init__(self, edges: Edges, names: Sequence[int], limit: int) -> None:
        self.limit = limit
        self.modules: dict[int, AnyModule] = {node: leaf(name) for node, name in enumerate(names)}
        below = successors(edges)
        self.above = [set(before) for before in edges]
        self.below = [set(after) for after in below]
        # Before anything is merged; both rise, so that those of twins are equal.
        self.sides = list(zip(edges, map(tuple, below), strict=True))

    def run(self) -> None:
        """Merge until nothing is left to merge."""
        merged = self._merge_all_twins()
        # Only a node that was merged can have become a twin; a link any node may be from the beginning.
        queue = deque((node, node in merged) for node in sorted(merged.union(self._links())))
        while queue:
            node, may_be_twin = queue.popleft()
            if node not in self.modules:
                continue
            found = self._merge_chain(node)
            if found is None and may_be_twin:
                found = self._merge_twins(node)
            if found is not None:
                queue.append((found, True))

    def _merge_all_twins(self) -> set[int]:
        """The nodes that twins became."""
        twins: dict[tuple[tuple[int, ...], tuple[int, ...]], list[int]] = defaultdict(list)
        for node, sides in enumerate(self.sides):
            twins[sides].append(node)
        return {self._joined(nodes) for nodes in twins.values() if len(nodes) > 1}

    def _links(self) -> Iterator[int]:
        """The nodes of all chains of two and more, some of them twice."""
        for node in self.modules:
            if len(self.above[node]) == 1 and (before := self._link(node, self.above, self.below)) is not None:
                yield from (before, node)

    def _merge_twins(self, node: int) -> int | None:
        above, below = self.above[node], self.below[node]
        twins = [other for other in self._near(node) if self.above[other] == above and self.below[other] == below]
        return self._joined(sorted(twins)) if len(twins) > 1 else None

    def _near(self, node: int) -> Sequence[int] | set[int]:
        """The nodes among which its twins are, itself included: those that share any one neighbour with it."""
        sides = [self.below[other] for other in self.above[node]] + [self.above[other] for other in self.below[node]]
        if sides:
            return min(sides, key=len)
        return [other for other in self.modules if not self.above[other] and not self.below[other]]

    def _joined(self, twins: Sequence[int]) -> int:
        first, *rest = twins
        self.modules[first] = self._module(twins, side_by_side)
        for node in rest:
            for other in self.above[node]:
                self.below[other].discard(node)
            for other in self.below[node]:
                self.above[other].discard(node)
            del self.modules[node]
        return first

    def _merge_chain(self, node: int) -> int | None:
        while (before := self._link(node, self.above, self.below)) is not None:
            node = before
        chain = [node]
        while (after := self._link(chain[-1], self.below, self.above)) is not None:
            chain.append(after)
        if len(chain) == 1:
            return None
        last = chain[-1]
        self.modules[node] = self._module(chain, one_after_the_other)
        self.below[node] = self.below[last]
        for other in self.below[last]:
            self.above[other].discard(last)
            self.above[other].add(node)
        for link in chain[1:]:
            del self.modules[link]
        return node

    @staticmethod
    def _link(node: int, ahead: Sequence[set[int]], back: Sequence[set[int]]) -> int | None:
        """The only node ahead of `node`, where `node` is also the only one behind that."""
        if len(ahead[node]) != 1:
            return None
        (other,) = ahead[node]
        return other if len(back[other]) == 1 else None

    def _module(self, nodes: Sequence[int], together: Callable[[Sequence[AnyModule], int], AnyModule]) -> AnyModule:
        return together([self.modules[node] for node in nodes], self.limit)
