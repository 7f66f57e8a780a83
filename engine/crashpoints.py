"""Places at which a test may kill the process, as a power switch would: to prove that nothing is lost or doubled.

`ARGOSMO_CRASH_AT=<name>` kills at the first passage, `<name>:<n>` at the n-th. Without the variable nothing happens.
"""

from __future__ import annotations

import itertools
import os
import signal

VARIABLE = "ARGOSMO_CRASH_AT"

CRASH_POINTS: dict[str, str] = {}
"""Name -> what is true there, of the engine; those of the gateway are in `gateway.ports.crashpoints`."""


def crash_point(name: str) -> None:
    """Kill the process (SIGKILL) if it was started to die at this passage of this point."""
    wanted = os.environ.get(VARIABLE)
    if wanted is None:
        return
    point, _, passage = wanted.partition(":")
    if point == name and next(_passages) == int(passage or 1):
        os.kill(os.getpid(), signal.SIGKILL)


# Only one point can be asked for, so one counter is enough; `next` on it is atomic.
_passages = itertools.count(1)
