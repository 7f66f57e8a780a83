"""The beginnings of what is left of a graph while it is cut: what they wait for elsewhere, and how tangled they are."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import TypeAlias

from translator.argo.poset import Edges

_Node: TypeAlias = int | tuple[int, ...]
_Tangle: TypeAlias = list[_Node]


class Beginning:
    """Looks at the groups of `rest` one after the other, only as far as is asked for.

    Groups that wait for the same groups outside `rest` share a gate. A tangle is groups and gates that edges connect.
    """

    def __init__(self, edges: Edges, rest: Sequence[int]) -> None:
        self._edges = edges
        self._rest = rest
        self._inside = frozenset(rest)
        self._largest = [0]
        # By group, and by what a gate waits for; those of one tangle have the same list.
        self._tangles: dict[_Node, _Tangle] = {}
        self.outside: dict[int, tuple[int, ...]] = {}
        """What each group waits for outside `rest`; only of those looked at."""

    def largest_tangle(self, size: int) -> int:
        """How many groups and gates the largest tangle of the first `size` groups has."""
        while len(self._largest) <= size:
            self._look_at_next()
        return self._largest[size]

    def longest(self, most: int, widest: float) -> int:
        """How many groups, at most `most`, the longest beginning has whose tangles have `widest` members at most."""
        while len(self._largest) <= most and self._largest[-1] <= widest:
            self._look_at_next()
        return min(most, bisect_right(self._largest, widest) - 1)

    def _look_at_next(self) -> None:
        node = self._rest[len(self.outside)]
        outside = self.outside[node] = tuple([above for above in self._edges[node] if above not in self._inside])
        own = self._tangles.setdefault(outside, [outside]) if outside else []
        for above in self._edges[node]:
            if above in self._inside and (other := self._tangles[above]) is not own:
                own = self._joined(own, other) if own else other
        own.append(node)
        self._tangles[node] = own
        self._largest.append(max(self._largest[-1], len(own)))

    def _joined(self, one: _Tangle, other: _Tangle) -> _Tangle:
        small, large = (one, other) if len(one) < len(other) else (other, one)
        large += small
        self._tangles.update(dict.fromkeys(small, large))
        return large
