"""A short run of tests/fuzz/fuzz_plan.py."""

from __future__ import annotations

from collections import Counter

from tests.fuzz.fuzz_plan import contexts, one_spec


def test_every_spec_is_refused_with_reasons_or_planned_by_the_laws() -> None:
    judged_by = contexts()
    outcomes = Counter(one_spec(seed, judged_by) for seed in range(1500))
    assert outcomes["planned"] > 300
    assert len(outcomes) > 15
