"""Processor time of actions that are to be compared, and of processes that serve them."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path


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


def time_of_process(pid: int) -> float:
    """What a running process has spent on processors so far. Units: seconds. Source: proc(5), `/proc/[pid]/stat`."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
