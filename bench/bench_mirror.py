"""How fast and how small the mirror of a cluster is, beside decoding and writing alone.

Aims: replay of 100,000 recorded events (runs of 1, 10 and 100 nodes) into SQLite and PostgreSQL at 0.7 of the speed
of decode and batched upsert alone, or faster; at half that rate 99 of 100 changes are rows within 250 ms of the socket;
a submission over HTTP, until row and object are there, at most 8 ms longer than the plain POST of the object (median);
at most 40 MB for 1,000 active workflows of 100 nodes. `python -m bench mirror`, or
`python -m bench.bench_mirror replay lag submit memory`. Wall times need a machine with nothing else to do.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

import structlog

from bench import mirror_lag, mirror_memory, mirror_replay, mirror_submit
from gateway.main import SWITCH_SECONDS

# Of a machine whose replay was not measured in the same call. Units: events a second.
_PACE = 3_000.0
_T = TypeVar("_T")


def main(names: list[str]) -> None:
    """Print the figures of all parts, or of those named."""
    wanted = names or ["replay", "lag", "submit", "memory"]
    pace = _alone(mirror_replay.main) if "replay" in wanted else _PACE
    if "lag" in wanted:
        _alone(mirror_lag.news, pace / 2)
        _alone(mirror_lag.whole)
    if "submit" in wanted:
        _alone(mirror_submit.main)
    if "memory" in wanted:
        _alone(mirror_memory.main)


def _alone(part: Callable[..., _T], *arguments: object) -> _T:
    """What a part gives back in a process of its own: in one that has done another, Python's search for cycles goes
    through what that has left, and stands still for half a second."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_as_a_gateway) as pool:
        return pool.submit(part, *arguments).result()


def _as_a_gateway() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    sys.setswitchinterval(SWITCH_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1:])
