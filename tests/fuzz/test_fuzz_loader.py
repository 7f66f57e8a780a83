"""A short run of the fuzz target in the ordinary suite, always the same."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.loader_oracle import check, kept_inputs, mutated


@pytest.mark.parametrize("seed", range(8))
def test_mutations_of_the_kept_inputs(seed: int) -> None:
    chance = random.Random(seed)
    inputs = [path.read_bytes() for path in kept_inputs()]
    for _ in range(600):
        check(mutated(chance.choice(inputs), chance))
