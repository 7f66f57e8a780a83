"""A run as one Workflow, or cut into several where one would be too large or too tangled.

Groups are cut along a topological order, so Workflows wait for earlier ones only. An edge between two Workflows becomes
a gate: a task of the later one that waits (Argo's `suspend`) until the gateway has seen the groups it stands for
succeed. Groups that wait for the same groups elsewhere share a gate.
Source: design §5; argo-verified.md §5.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from translator.argo.decomposition import flat_dag, nested_dag
from translator.argo.modules import Dag, DagTask, dag_count
from translator.argo.nesting import TooWide
from translator.argo.poset import Edges, reduced, topological_order

_MAX_FLAT_EDGES = 4000
"""More edges than this make a flat DAG's text long; nesting needs fewer."""


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
    """Says whether groups fit into one Workflow, whatever the order between them."""

    def holds(self, groups: Sequence[int], dags: int) -> bool:
        """Whether `groups` fit where `dags` templates are taken by DAGs of modules, the entry included."""


def cut(edges: Edges, room: Room, dag_tasks: int) -> tuple[Part, ...]:
    """The parts of a run, each after those it waits for.

    Shape: together they hold every group once. `dag_tasks` is the most tasks of a DAG.
    """
    order = topological_order(edges)
    whole = _whole(edges, order, room, dag_tasks)
    if whole is not None:
        return (whole,)
    fewest = reduced(edges, order)
    parts: list[Part] = []
    rest = order
    while rest:
        part = _first_part(fewest, rest, room, dag_tasks)
        parts.append(part)
        taken = set(part.groups)
        rest = tuple(node for node in rest if node not in taken)
    return tuple(parts)


def _whole(edges: Edges, order: Sequence[int], room: Room, dag_tasks: int) -> Part | None:
    """Everything as one part; None where that does not go."""
    groups = tuple(range(len(edges)))
    if not room.holds(groups, 1):
        return None
    if len(edges) <= dag_tasks:
        written = edges if sum(map(len, edges)) <= _MAX_FLAT_EDGES else reduced(edges, order)
        if sum(map(len, written)) <= _MAX_FLAT_EDGES:
            return Part(groups=groups, gates=(), dag=flat_dag(written, _as_written(written, order)))
    fitted = _fitted(reduced(edges, order), groups, room, dag_tasks)
    return fitted if isinstance(fitted, Part) else None


def _as_written(edges: Edges, order: Sequence[int]) -> Sequence[int]:
    """The order of the file where each group comes after what it waits for, which OSMO demands; else `order`."""
    rising = all(above < node for node, before in enumerate(edges) for above in before)
    return range(len(edges)) if rising else order


def _first_part(edges: Edges, rest: Sequence[int], room: Room, dag_tasks: int) -> Part:
    """The longest beginning of `rest` that makes a part, or nearly."""
    size = _most_that_room_holds(rest, room)
    while True:
        fitted = _fitted(edges, rest[:size], room, dag_tasks)
        if isinstance(fitted, Part):
            return fitted
        # What is too wide by a factor is tried with that much less; half of it is certain to fit in the end.
        size = max(1, min(size - 1, int(size * fitted)))


def _most_that_room_holds(rest: Sequence[int], room: Room) -> int:
    low, high = 1, len(rest)
    while low < high:
        middle = (low + high + 1) // 2
        if room.holds(rest[:middle], 1):
            low = middle
        else:
            high = middle - 1
    return low


def _fitted(edges: Edges, chosen: Sequence[int], room: Room, dag_tasks: int) -> Part | float:
    """`chosen` as a part, or the share of it that might fit. One group always fits."""
    groups = tuple(sorted(chosen))
    inner, gates = _with_gates(edges, groups)
    try:
        dag = nested_dag(reduced(inner, topological_order(inner)), dag_tasks)
    except TooWide as error:
        return dag_tasks / error.width
    if len(groups) > 1 and not room.holds(groups, dag_count(dag)):
        return 0.7
    names = (*groups, *range(len(edges), len(edges) + len(gates)))
    return Part(groups=groups, gates=gates, dag=_renamed(dag, names))


def _with_gates(edges: Edges, groups: Sequence[int]) -> tuple[Edges, tuple[CutGate, ...]]:
    """The edges inside `groups`, gates added as nodes after them for what comes from outside."""
    numbers = {node: number for number, node in enumerate(groups)}
    gates: dict[tuple[int, ...], int] = {}
    inner: list[tuple[int, ...]] = []
    for node in groups:
        inside = [numbers[above] for above in edges[node] if above in numbers]
        outside = tuple(above for above in edges[node] if above not in numbers)
        if outside:
            inside.append(len(groups) + gates.setdefault(outside, len(gates)))
        inner.append(tuple(inside))
    return (*inner, *((),) * len(gates)), tuple(CutGate(waits_for=outside) for outside in gates)


def _renamed(dag: Dag, names: Sequence[int]) -> Dag:
    return Dag(
        tuple(
            DagTask(
                names[task.content] if isinstance(task.content, int) else _renamed(task.content, names), task.upstream
            )
            for task in dag.tasks
        )
    )
