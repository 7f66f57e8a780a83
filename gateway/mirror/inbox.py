"""What waits for the mirror's loop: by workflow, in order, and bounded.

A workflow's facts and events keep their order. Runners that report faster than the database takes wait in `put`; what
the loop and the clock put in never waits.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.ports import EventLine, Run
from gateway.ports.records import NewWorkflow
from translator.lifecycle.facts import AnyFact
from translator.plan.model import WorkflowUuid


@dataclass(slots=True, kw_only=True)
class Pending:
    """What has come for one workflow.

    Shape: `attend`: look at its rows; `new`: these are its rows, and `run` what it needs to run; `tick`: a timer may be
    due; `log_sealed`: its log is complete.
    """

    facts: list[AnyFact] = field(default_factory=list)
    events: list[EventLine] = field(default_factory=list)
    attend: bool = False
    new: NewWorkflow | None = None
    run: Run | None = None
    tick: bool = False
    log_sealed: bool = False
    # When the first of it came, on the monotonic clock.
    since: float = field(default_factory=time.monotonic, compare=False)

    @property
    def size(self) -> int:
        """How much room it takes."""
        return len(self.facts) + len(self.events)


class Inbox:
    """Pending work of all workflows, oldest first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._idle = threading.Condition(self._lock)
        # The loop waits for it holding nothing: if it were woken into the lock, whoever puts much in for many
        # workflows would stop at each of them until the loop has taken that one alone.
        self._work = threading.Event()
        self._waiting: OrderedDict[WorkflowUuid, Pending] = OrderedDict()
        self._size = 0
        self._sweep = False
        self._busy = 0
        self._closed = False
        # Threads that the loop itself may wait for; they never wait for the loop.
        self._exempt: set[int] = set()

    def exempt_this_thread(self) -> None:
        """Let the calling thread put more in than there is room for."""
        with self._lock:
            self._exempt.add(threading.get_ident())

    def put(self, uuid: WorkflowUuid, *, facts: Sequence[AnyFact] = (), events: Sequence[EventLine] = ()) -> None:
        """Add facts and events, in order; waits while there is no room. After `close` nothing is taken."""
        with self._lock:
            self._await_room()
            if self._closed:
                return
            pending = self._of(uuid)
            pending.facts.extend(facts)
            pending.events.extend(events)
            self._size += len(facts) + len(events)
            self._work.set()

    def put_all(self, facts: Mapping[WorkflowUuid, Sequence[AnyFact]]) -> None:
        """Add facts of several workflows, none of which is taken before all are there."""
        with self._lock:
            self._await_room()
            if self._closed:
                return
            for uuid, some in facts.items():
                self._of(uuid).facts.extend(some)
                self._size += len(some)
            self._work.set()

    def mark(
        self,
        uuid: WorkflowUuid,
        *,
        attend: bool = False,
        new: NewWorkflow | None = None,
        run: Run | None = None,
        tick: bool = False,
        log_sealed: bool = False,
    ) -> None:
        """Note that there is something to look at; never waits."""
        with self._lock:
            if self._closed:
                return
            pending = self._of(uuid)
            pending.attend |= attend
            pending.new = new or pending.new
            pending.run = run or pending.run
            pending.tick |= tick
            pending.log_sealed |= log_sealed
            self._work.set()

    def mark_sweep(self) -> None:
        """Note that the rows of all workflows are to be looked at; never waits."""
        with self._lock:
            self._sweep = True
            self._work.set()

    def take(self, most: int) -> tuple[bool, list[tuple[WorkflowUuid, Pending]]] | None:
        """Whether to sweep, and the oldest work of up to `most` workflows; waits for some. None: closed and empty.

        What was taken counts as unfinished until the next call.
        """
        self._rest()
        while True:
            self._work.wait()
            with self._lock:
                if self._waiting or self._sweep:
                    return self._taken(most)
                if self._closed:
                    return None
                self._work.clear()

    def _rest(self) -> None:
        """What was taken is done."""
        with self._lock:
            self._busy = 0
            if self._is_idle:
                self._idle.notify_all()

    def _taken(self, most: int) -> tuple[bool, list[tuple[WorkflowUuid, Pending]]]:
        sweep, self._sweep = self._sweep, False
        batch = [self._waiting.popitem(last=False) for _ in range(min(most, len(self._waiting)))]
        self._size -= sum(pending.size for _, pending in batch)
        self._busy = len(batch) + sweep
        self._room.notify_all()
        return sweep, batch

    def wait_idle(self, timeout_seconds: float) -> bool:
        """Wait until nothing waits and nothing is being worked on; False where the time ran out first."""
        with self._lock:
            return self._idle.wait_for(lambda: self._is_idle, timeout_seconds)

    def close(self) -> None:
        """Take nothing more; what is there can still be taken."""
        with self._lock:
            self._closed = True
            self._work.set()
            self._room.notify_all()

    @property
    def size(self) -> int:
        """How many facts and events wait."""
        return self._size

    @property
    def oldest_seconds(self) -> float:
        """How long the oldest of what waits has waited; 0 where nothing does."""
        with self._lock:
            oldest = next(iter(self._waiting.values()), None)
        return 0.0 if oldest is None else max(0.0, time.monotonic() - oldest.since)

    def _await_room(self) -> None:
        if threading.get_ident() not in self._exempt:
            self._room.wait_for(lambda: self._closed or self._size < self._limit)

    @property
    def _is_idle(self) -> bool:
        return not self._waiting and not self._sweep and not self._busy

    def _of(self, uuid: WorkflowUuid) -> Pending:
        return self._waiting.setdefault(uuid, Pending())
