"""Modules of a poset, and the DAGs that they become.

A module is a set of nodes that the rest sees as one: every other node is before all of it, after all of it, or
unrelated to all of it. So it may be nested into a DAG of its own without changing what waits for what.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from translator.argo.poset import Edges, rising_order


class DagTask(msgspec.Struct, frozen=True):
    """One task of a DAG. Shape: `content` is a node of the graph or a DAG; `upstream` places in the same DAG."""

    content: int | Dag
    upstream: tuple[int, ...]


class Dag(msgspec.Struct, frozen=True):
    """A DAG; each task comes after what it waits for."""

    tasks: tuple[DagTask, ...]


class Module(msgspec.Struct, frozen=True):
    """Base of modules.

    Shape: `size` is how many tasks it takes in a DAG, `sources` how many of them wait for nothing in it, `sinks` how
    many nothing in it waits for.
    """

    size: int
    sources: int
    sinks: int


class Leaf(Module, frozen=True):
    """One task: a node, or a DAG of its own."""

    content: int | Dag


class Parallel(Module, frozen=True):
    """Parts that do not wait for each other."""

    parts: tuple[AnyModule, ...]


class Series(Module, frozen=True):
    """Parts of which each waits for all of the one before."""

    parts: tuple[AnyModule, ...]


class Prime(Module, frozen=True):
    """Parts with edges between them; `edges` by the number of the part."""

    parts: tuple[AnyModule, ...]
    edges: Edges


AnyModule: TypeAlias = "Leaf | Parallel | Series | Prime"


def leaf(content: int | Dag) -> Leaf:
    """One task."""
    return Leaf(1, 1, 1, content)


def parallel(parts: Sequence[AnyModule]) -> Parallel:
    """Parts side by side."""
    sources, sinks = sum([part.sources for part in parts]), sum([part.sinks for part in parts])
    return Parallel(sum([part.size for part in parts]), sources, sinks, tuple(parts))


def series(parts: Sequence[AnyModule]) -> Series:
    """Parts one after the other."""
    return Series(sum([part.size for part in parts]), parts[0].sources, parts[-1].sinks, tuple(parts))


def prime(parts: Sequence[AnyModule], edges: Edges) -> Prime:
    """Parts with edges between them."""
    waited_for = {other for above in edges for other in above}
    return Prime(
        sum([part.size for part in parts]),
        sum([part.sources for part, above in zip(parts, edges, strict=True) if not above]),
        sum([part.sinks for number, part in enumerate(parts) if number not in waited_for]),
        tuple(parts),
        edges,
    )


def dag_of(module: AnyModule) -> Dag:
    """The module as one DAG."""
    tasks: list[DagTask] = []
    _write(module, (), tasks)
    return Dag(tuple(tasks))


def dag_count(dag: Dag) -> int:
    """How many DAGs there are, this one included."""
    return 1 + sum([dag_count(task.content) for task in dag.tasks if isinstance(task.content, Dag)])


def _write(module: AnyModule, upstream: tuple[int, ...], tasks: list[DagTask]) -> tuple[int, ...]:
    """Put the module's tasks in, its first ones after `upstream`; the places of its last ones."""
    match module:
        case Leaf():
            tasks.append(DagTask(module.content, upstream))
            return (len(tasks) - 1,)
        case Parallel():
            ends: list[int] = []
            for part in module.parts:
                ends += _write(part, upstream, tasks)
            return tuple(ends)
        case Series():
            for part in module.parts:
                upstream = _write(part, upstream, tasks)
            return upstream
        case Prime():
            return _write_prime(module, upstream, tasks)


def _write_prime(module: Prime, upstream: tuple[int, ...], tasks: list[DagTask]) -> tuple[int, ...]:
    ends: list[tuple[int, ...]] = [()] * len(module.parts)
    waited_for = {other for above in module.edges for other in above}
    for number in rising_order(module.edges):
        above = module.edges[number]
        before = tuple(sorted({place for other in above for place in ends[other]})) if above else upstream
        ends[number] = _write(module.parts[number], before, tasks)
    return tuple([place for number, places in enumerate(ends) if number not in waited_for for place in places])
