"""What active workflows of 100 nodes take in the memory of a gateway that mirrors them."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.mirror_events import Run
from bench.mirror_replay import Site, site

WORKFLOWS = 1_000
SIZE = 100
# So many that those which are kept ready for use are among them.
_FIRST = 120


def main(workflows: int = WORKFLOWS) -> None:
    """Print the growth of the process: half of the nodes of each workflow have ended, the others are to come."""
    with tempfile.TemporaryDirectory() as home, site(Path(home), f"sqlite:///{home}/bench.db") as at:
        middle = _middle()
        # What is made once only, caches and pages of code, is no matter of the number of workflows.
        _play(at, [Run(SIZE, number) for number in range(_FIRST)], middle)
        before = _resident_bytes()
        _play(at, [Run(SIZE, _FIRST + number) for number in range(workflows)], middle)
        grown = _resident_bytes() - before
        assert at.mirror.counts()["tracked"] == _FIRST + workflows
    per_thousand = grown / workflows * 1000 / 1e6
    print(
        f"memory: {workflows} active workflows of {SIZE} nodes take {grown / 1e6:.0f} MB, "
        f"{per_thousand:.0f} MB per 1,000 (aim <= 40), {grown / workflows / SIZE:.0f} bytes a node"
    )


def _middle() -> int:
    """How many events bring a run to the end of its first wave."""
    patterns = Run(SIZE, 0).patterns
    return next(
        place
        for place, pattern in enumerate(patterns)
        if pattern.kind == "pods" and pattern.type == "ADDED" and place > len(patterns) // 3
    )


def _play(at: Site, runs: Sequence[Run], middle: int) -> None:
    at.submit(runs)
    for run in runs:
        for pattern in run.patterns[:middle]:
            at.runner.feeds[pattern.kind].event(run.own(pattern.line))
    at.settle()


def _resident_bytes() -> int:
    gc.collect()
    fields = Path("/proc/self/status").read_text()
    return int(fields.partition("VmRSS:")[2].split()[0]) * 1024


if __name__ == "__main__":
    main()
