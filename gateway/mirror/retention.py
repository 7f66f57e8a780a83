"""Forgets workflows that ended long ago."""

from __future__ import annotations

from datetime import datetime

from gateway.ports.logs import Logs
from gateway.ports.store import Store

_AT_ONCE = 100


def purge_ended(store: Store, logs: Logs, ended_before: datetime) -> int:
    """Delete sealed workflows that ended before a time, with their logs; how many there were.

    Log files go first: where the process dies in between, the rows are found again and the rest is done then.
    """
    purged = 0
    while True:
        with store.reading() as reads:
            uuids = reads.purgeable(ended_before, _AT_ONCE)
        if not uuids:
            return purged
        for uuid in uuids:
            logs.remove(uuid)
        with store.writing() as writes:
            writes.purge(uuids)
        purged += len(uuids)
