"""Order of groups: modules, nesting, cutting."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest

from translator.argo.contraction import contracted
from translator.argo.cutting import Part, cut
from translator.argo.decomposition import nested_dag
from translator.argo.modules import Dag, Parallel, Series, dag_count
from translator.argo.nesting import TooWide
from translator.argo.poset import Edges, reduced, successors, topological_order


class Roomy:
    """Any number of groups fits, in at most `most`."""

    def __init__(self, most: int = 10_000) -> None:
        self.most = most

    def holds(self, groups: Sequence[int], dags: int) -> bool:
        return len(groups) <= self.most and dags < 150


def chain(length: int) -> Edges:
    return tuple((n - 1,) if n else () for n in range(length))


def fan(width: int) -> Edges:
    return ((), *((0,),) * width, tuple(range(1, width + 1)))


def fence(posts: int) -> Edges:
    """Nodes side by side, and as many that each wait for two neighbours of them."""
    return (*((),) * posts, *((n, (n + 1) % posts) for n in range(posts)))


def shape(dag: Dag) -> list[object]:
    """The numbers of tasks: of the DAG, and of those in it."""
    return [len(dag.tasks), *(shape(task.content) for task in dag.tasks if isinstance(task.content, Dag))]


def shapes(parts: tuple[Part, ...]) -> list[object]:
    return [shape(part.dag) for part in parts]


def test_order_puts_chains_together() -> None:
    assert topological_order(((), (), (0,), (1,), (2,))) == (0, 2, 4, 1, 3)


def test_reduction_leaves_out_what_follows() -> None:
    edges: Edges = ((), (0,), (0, 1), (0, 1, 2))
    assert reduced(edges, range(4)) == ((), (0,), (1,), (2,))
    assert successors(edges) == [[1, 2, 3], [2, 3], [3], []]


def test_a_fan_is_contracted_to_one_part() -> None:
    (module,), edges = contracted(fan(2), range(4), 200)
    assert isinstance(module, Series)
    assert isinstance(module.parts[1], Parallel)
    assert (module.size, module.sources, module.sinks, edges) == (4, 1, 1, ((),))


def test_what_is_neither_series_nor_parallel_keeps_its_edges() -> None:
    # The N: 2 waits for 0, 3 for 0 and 1.
    parts, edges = contracted(((), (), (0,), (0, 1)), range(4), 200)
    assert (len(parts), edges) == (4, ((), (), (0,), (0, 1)))


def test_twins_are_one_part() -> None:
    # As above, with 4 beside 2.
    parts, edges = contracted(((), (), (0,), (0, 1), (0,)), range(5), 200)
    assert ([part.size for part in parts], edges) == ([1, 1, 2, 1], ((), (), (0,), (0, 1)))


def test_a_ladder_is_contracted_however_long_it_is() -> None:
    # Every step waits for the one before and for an input of its own.
    edges: list[tuple[int, ...]] = [(), ()]
    for n in range(2, 3000, 2):
        edges += [(n - 2, n - 1), ()]
    parts, _ = contracted(tuple(edges), range(len(edges)), 200)
    assert len(parts) <= 2
    assert max(part.size for part in parts) <= 200


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        (chain(200), [200]),
        # design §5: "A chain of 1,000 tasks and a fan-out of 1 → 1,000 → 1 must translate".
        (chain(1000), [5, [200], [200], [200], [200], [200]]),
        (fan(1000), [7, [200], [200], [200], [200], [200]]),
        (tuple((n - 1,) if n % 10 else () for n in range(1000)), [5, [200], [200], [200], [200], [200]]),
        ((*((),) * 500,), [3, [200], [200], [100]]),
        # Two fans side by side: as many whole ones in a DAG as fit.
        (((), *((0,),) * 120, (), *((121,),) * 120), [2, [121], [121]]),
    ],
)
def test_wide_and_long_graphs_are_nested(edges: Edges, expected: list[object]) -> None:
    assert shapes(cut(edges, Roomy(), 200)) == [expected]


def test_stages_are_not_joined_one_by_one() -> None:
    stages: Edges = (*((),) * 100, *(tuple(range(100)),) * 100)
    (part,) = cut(stages, Roomy(), 200)
    assert sum(len(task.upstream) for task in part.dag.tasks) <= 100


def test_a_prime_too_wide_cannot_be_nested() -> None:
    with pytest.raises(TooWide) as caught:
        nested_dag(fence(30), range(60), 20)
    assert caught.value.width > 20


def test_a_prime_too_wide_is_cut_with_gates() -> None:
    parts = cut(fence(30), Roomy(), 20)
    assert len(parts) > 1
    assert sorted(group for part in parts for group in part.groups) == list(range(60))
    assert all(len(part.dag.tasks) <= 20 for part in parts)


def test_what_follows_a_tangle_is_not_cut_as_small() -> None:
    tangle = fence(40)
    after = tuple((79 + n,) for n in range(400))
    parts = cut((*tangle, *after), Roomy(), 20)
    assert len(parts[-1].groups) >= 400


def test_a_loose_graph_is_cut_into_few_parts() -> None:
    # Most beginnings of it fall into small tangles; only a few groups more make one of hundreds.
    random = Random(0)
    edges: Edges = tuple(tuple(above for above in range(node) if random.random() < 0.002) for node in range(1000))
    assert len(cut(edges, Roomy(), 200)) <= 3


def test_parts_wait_for_earlier_ones_only() -> None:
    parts = cut(fan(50), Roomy(20), 200)
    seen: set[int] = set()
    for part in parts:
        assert all(set(gate.waits_for) <= seen for gate in part.gates)
        seen |= set(part.groups)
    assert len(parts) == 3


def test_a_long_ladder_is_one_workflow() -> None:
    edges: list[tuple[int, ...]] = [(), ()]
    for n in range(2, 1500, 2):
        edges += [(n - 2, n - 1), ()]
    (part,) = cut(tuple(edges), Roomy(), 200)
    assert dag_count(part.dag) < 20
    assert all(size <= 200 for size in _sizes(part.dag))


def test_same_graph_same_parts() -> None:
    edges: Edges = tuple(tuple(sorted({n // 2, max(0, n - 3)})) if n > 3 else () for n in range(400))
    assert cut(edges, Roomy(), 200) == cut(edges, Roomy(), 200)
    assert all(dag_count(part.dag) < 150 for part in cut(edges, Roomy(), 200))


def _sizes(dag: Dag) -> list[int]:
    inner = [task.content for task in dag.tasks if isinstance(task.content, Dag)]
    return [len(dag.tasks), *(size for below in inner for size in _sizes(below))]
