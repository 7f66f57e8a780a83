"""Processor time of actions that are to be compared."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence


def best_of(actions: Sequence[Callable[[], object]], runs: int) -> list[float]:
    """The least time of each action. Units: seconds. They alternate, so that a busy machine shifts all alike."""
    best = [float("inf")] * len(actions)
    for _ in range(runs):
        for index, action in enumerate(actions):
            gc.collect()
            start = time.process_time()
            action()
            best[index] = min(best[index], time.process_time() - start)
    return best
