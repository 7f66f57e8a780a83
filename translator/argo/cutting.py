"""A run as one Workflow, or cut into several where one would be too large or too tangled.

Groups are cut along a topological order, so Workflows wait for earlier ones only. An edge between two Workflows becomes
a gate: a task of the later one that waits (Argo's `suspend`) until the gateway has seen the groups it stands for
succeed. Groups that wait for the same groups elsewhere share a gate.
Source: design §5; argo-verified.md §5.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from translator.argo.beginning import Beginning
from translator.argo.decomposition import flat_dag, nested_dag
from translator.argo.modules import Dag, dag_count
from translator.argo.nesting import TooWide
from translator.argo.poset import Edges, reduced, rising_order, topological_order

_MAX_FLAT_EDGES = 4000
"""More edges than this make a flat DAG's text long; nesting needs fewer."""
_AIM = 0.97
"""What is expected to be this share of the widest DAG is tried: a little less than what may not fit."""
_WORTH_ANOTHER_TRY = 1.25
"""A beginning that fits is made longer where one longer by this factor should fit too."""
_NARROWER = 0.97
"""What is too wide is tried again with this share at most."""
_ROOMIER = 0.7
"""What has too many nested DAGs is tried again with this share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CutGate:
    """A gate and the groups of other parts that it waits for, by number, rising."""

    waits_for: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one Workflow holds.

    Shape: `groups` rising; in `dag` a number below the count of all groups is a group, above it gate `number - count`.
    """

    groups: tuple[int, ...]
    gates: tuple[CutGate, ...]
    dag: Dag


class Room(Protocol):
    """Says whether groups fit into one Workflow, whatever the order between them; if they do, so do some of them."""

    def holds(self, groups: Sequence[int], dags: int) -> bool:
        """Whether `groups` fit where `dags` templates are taken by DAGs of modules, the entry included."""


def cut(edges: Edges, room: Room, dag_tasks: int) -> tuple[Part, ...]:
    """The parts of a run, each after those it waits for.

    Shape: together they hold every group once. `dag_tasks` is the most tasks of a DAG.
    """
    order = topological_order(edges)
    all_fit = room.holds(tuple(range(len(edges))), 1)
    flat = _flat(edges, order) if all_fit and len(edges) <= dag_tasks else None
    if flat is not None:
        return (flat,)
    cutter = _Cutter(reduced(edges, order), room, dag_tasks, all_fit=all_fit)
    parts: list[Part] = []
    begin = 0
    while begin < len(order):
        parts.append(cutter.first_part(order[begin:]))
        begin += len(parts[-1].groups)
    return tuple(parts)


def _flat(edges: Edges, order: Sequence[int]) -> Part | None:
    """Everything as one DAG; None where its text would be too long."""
    written = edges if sum(map(len, edges)) <= _MAX_FLAT_EDGES else reduced(edges, order)
    if sum(map(len, written)) > _MAX_FLAT_EDGES:
        return None
    # As the file has them where that is an order, which OSMO demands.
    return Part(groups=tuple(range(len(edges))), gates=(), dag=flat_dag(written, rising_order(written)))


class _Cutter:
    """Cuts a graph, a transitive reduction, from its beginning on.

    How wide a beginning is shows only when it is decomposed, which takes long. So its width as a share of its largest
    tangle is taken over from what was tried last: in a tangled graph that hardly changes.
    """

    def __init__(self, edges: Edges, room: Room, dag_tasks: int, *, all_fit: bool) -> None:
        self._edges = edges
        self._room = room
        self._dag_tasks = dag_tasks
        self._density = 0.0
        self._all_fit = all_fit

    def first_part(self, rest: Sequence[int]) -> Part:
        """The longest beginning of `rest` that makes a part, or nearly."""
        beginning = Beginning(self._edges, rest)
        most = self._most_that_room_holds(rest)
        found: Part | None = None
        size = max(1, self._expected(beginning, most))
        while True:
            tangle = beginning.largest_tangle(size)
            tried = self._tried(rest[:size], beginning.outside)
            self._density = tried.width / tangle
            if tried.part is not None:
                found = tried.part
                longer = self._expected(beginning, most)
                if longer <= size * _WORTH_ANOTHER_TRY:
                    return found
                size = longer
            elif found is not None:
                return found
            else:
                most = int(size * (_NARROWER if tried.width > self._dag_tasks else _ROOMIER))
                # One group always fits.
                size = max(1, self._expected(beginning, most))

    def _expected(self, beginning: Beginning, most: int) -> int:
        """The longest beginning of at most `most` groups that should not be too wide; 0 where none is short enough."""
        return beginning.longest(most, _AIM * self._dag_tasks / self._density) if self._density else most

    def _most_that_room_holds(self, rest: Sequence[int]) -> int:
        low, high = len(rest) if self._all_fit else 1, len(rest)
        while low < high:
            middle = (low + high + 1) // 2
            if self._room.holds(rest[:middle], 1):
                low = middle
            else:
                high = middle - 1
        return low

    def _tried(self, chosen: Sequence[int], outside: Mapping[int, tuple[int, ...]]) -> _Tried:
        groups = tuple(sorted(chosen))
        inner, gates = _with_gates(self._edges, groups, outside)
        names = (*range(len(self._edges), len(self._edges) + len(gates)), *groups)
        try:
            # A part of a transitive reduction is one too, and so it stays with gates: of two groups one after the other
            # only the first would have edges from the same groups elsewhere.
            nested = nested_dag(inner, names, self._dag_tasks)
        except TooWide as error:
            return _Tried(part=None, width=error.width)
        if len(groups) > 1 and not self._room.holds(groups, dag_count(nested.dag)):
            return _Tried(part=None, width=nested.width)
        return _Tried(part=Part(groups=groups, gates=gates, dag=nested.dag), width=nested.width)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tried:
    """A beginning as a part, None where it is too wide or too much. Shape: `width` as in NestedDag."""

    part: Part | None
    width: int


def _with_gates(
    edges: Edges, groups: Sequence[int], outside: Mapping[int, tuple[int, ...]]
) -> tuple[Edges, tuple[CutGate, ...]]:
    """The edges inside `groups`, gates added as nodes before them for what comes from outside."""
    waits = dict.fromkeys([outside[node] for node in groups if outside[node]])
    gates = {above: number for number, above in enumerate(waits)}
    numbers = {node: number for number, node in enumerate(groups, start=len(gates))}
    inner: list[tuple[int, ...]] = [()] * len(gates)
    for node in groups:
        inside = [numbers[above] for above in edges[node] if above in numbers]
        inner.append((gates[outside[node]], *inside) if outside[node] else tuple(inside))
    return tuple(inner), tuple([CutGate(waits_for=above) for above in gates])
