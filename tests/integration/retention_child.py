"""A process that applies retention and dies in the middle, as a power switch would have it.

HOME DATA NOW RULES POINT; the point is `remove:<n>` before the n-th removal of objects, the name of a change of the
database, before which it dies, or `logs`, before their removal.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway.mirror.clock import VirtualClock
from gateway.services.intermediate import IntermediateData
from gateway.services.retention import Retention
from gateway.store.logs import FileLogs
from gateway.store.retention_rows import RetentionWrites
from gateway.store.session import open_store
from pools.config import parse_config
from storage.lanes import NEVER
from storage.trees import Tree


def main(home: Path, data: str, now: str, rules: str, point: str) -> None:
    """Sweep."""
    name, _, passage = point.partition(":")
    owner: Any = {"remove": Tree, "logs": FileLogs}.get(name, RetentionWrites)
    method = {"logs": "remove"}.get(name, name)
    setattr(owner, method, _deadly(getattr(owner, method), int(passage or 1)))
    config = parse_config({"c.yaml": f"workflow: {{retention: {rules}}}".encode()})
    store = open_store(f"sqlite:///{home / 'test.db'}")
    Retention(
        store=store,
        logs=FileLogs(home / "logs", store),
        clock=VirtualClock(datetime.fromisoformat(now)),
        config=lambda: config,
        data=IntermediateData(here=data, key=None),
    ).sweep(NEVER)


def _deadly(method: Callable[..., Any], passage: int) -> Callable[..., Any]:
    calls = iter(range(1, passage + 1))

    def called(*arguments: Any, **named: Any) -> Any:
        if next(calls) == passage:
            os.kill(os.getpid(), signal.SIGKILL)
        return method(*arguments, **named)

    return called


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
