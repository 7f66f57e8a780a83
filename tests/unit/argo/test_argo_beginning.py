"""Beginnings of what is left of a graph: what waits elsewhere, and the largest tangle."""

from __future__ import annotations

from translator.argo.beginning import Beginning
from translator.argo.poset import Edges

CHAIN: Edges = ((), (0,), (1,), (2,))


def test_what_is_waited_for_in_earlier_parts() -> None:
    # 0 and 1 went into an earlier part.
    beginning = Beginning(((), (), (0, 1), (1, 2), (3,)), (2, 3, 4))
    beginning.largest_tangle(3)
    assert beginning.outside == {2: (0, 1), 3: (1,), 4: ()}


def test_groups_without_edges_between_them_are_no_tangle() -> None:
    beginning = Beginning(((), (), (), (1,)), (0, 1, 2, 3))
    assert [beginning.largest_tangle(size) for size in range(5)] == [0, 1, 1, 1, 2]


def test_an_edge_joins_tangles() -> None:
    beginning = Beginning(((), (0,), (), (2,), (1, 3), ()), (0, 1, 2, 3, 4, 5))
    assert [beginning.largest_tangle(size) for size in (1, 2, 4, 5, 6)] == [1, 2, 2, 5, 5]


def test_groups_that_wait_for_the_same_share_a_gate() -> None:
    # Behind one gate 2 and 3 are a tangle of three; 4 has a gate of its own.
    beginning = Beginning(((), (), (0,), (0,), (1,)), (2, 3, 4))
    assert [beginning.largest_tangle(size) for size in (1, 2, 3)] == [2, 3, 3]


def test_the_longest_beginning_that_is_not_too_wide() -> None:
    beginning = Beginning(CHAIN, range(4))
    assert [beginning.longest(4, widest) for widest in (0.5, 1.0, 2.9, 4.0, 99.0)] == [0, 1, 2, 4, 4]
    assert beginning.longest(3, 99.0) == 3


def test_no_more_groups_are_looked_at_than_asked_for() -> None:
    beginning = Beginning(CHAIN, range(4))
    beginning.longest(4, 1.0)
    assert list(beginning.outside) == [0, 1]
