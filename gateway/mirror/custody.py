"""Which workflows this process looks after: its own, and those whose process is gone."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from gateway.mirror.ownership import Ownership
from gateway.ports.clock import Clock
from gateway.ports.leadership import Leadership
from gateway.ports.records import NewWorkflow
from gateway.ports.runs import FIRST_FENCE, CancelRequest, Instance, Owned, StoredRun, Timer
from gateway.ports.store import Store
from translator.lifecycle.state import WorkflowState
from translator.lifecycle.words import TaskStatus
from translator.plan.model import Plan, WorkflowUuid, decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What the rows say. `free`: unfinished workflows that this process owns or may take over."""

    free: tuple[WorkflowUuid, ...]
    cancels: tuple[CancelRequest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A workflow that is this process's.

    Shape: `contested`: another one that may still live thought the same just now; `is_new`: nothing was done for it.
    """

    plan: Plan
    state: WorkflowState
    fence: int
    timers: frozenset[Timer] = frozenset()
    contested: bool = False
    is_new: bool = False


class Custody:
    """Asks the database and the locks; changes owners."""

    def __init__(
        self, store: Store, ownership: Ownership, leadership: Leadership, clock: Clock, backends: Collection[str]
    ) -> None:
        self._store = store
        self._ownership = ownership
        self._leadership = leadership
        self._clock = clock
        self._backends = backends
        self._started_at = clock.now()

    @property
    def instance(self) -> str:
        """The name of this process."""
        return self._ownership.instance

    def begin(self, on_change: Callable[[], None]) -> None:
        """Tell the others that this process lives; `on_change` is called when it may act on more or less."""
        self._leadership.start(on_change)
        with self._store.writing() as writes:
            writes.beat(self._row())

    def end(self) -> None:
        """Let other processes take over what is left."""
        self._leadership.stop()
        self._ownership.close()
        with self._store.writing() as writes:
            writes.forget_instance(self.instance)

    def look(self, *, thorough: bool) -> Findings:
        """Look for workflows that nobody looks after, and for requests.

        thorough: also among the workflows that this process owns; and keep the rows of processes in order.
        """
        with self._store.reading() as reads:
            known = reads.instances()
            found = reads.unsealed(besides=None if thorough else self.instance)
            cancels = reads.cancel_requests(self.instance)
        gone = {name for name in {owned.instance for owned in found} if self._is_gone(name, known)}
        if thorough:
            self._keep_house(known, found)
        return Findings(
            free=tuple(owned.uuid for owned in found if self._is_free(owned, gone)),
            cancels=cancels,
        )

    def cancel_requests(self) -> tuple[CancelRequest, ...]:
        """Requests for the workflows of this process."""
        with self._store.reading() as reads:
            return reads.cancel_requests(self.instance)

    def inserted(self, new: NewWorkflow) -> Taken | None:
        """A workflow that was just inserted as this process's; None where the rows have to say whose it is."""
        if new.instance != self.instance or not self.may_act(new.plan.backend):
            return None
        return Taken(plan=new.plan, state=new.state, fence=FIRST_FENCE, is_new=True)

    def take(self, uuid: WorkflowUuid) -> Taken | None:
        """The rows of a workflow that is this process's, or becomes so; None where it may not."""
        with self._store.reading() as reads:
            stored = reads.load_run(uuid)
            known = reads.instances()
        if stored is None or stored.sealed or not self.may_act(stored.owner.backend):
            return None
        if stored.owner.instance == self.instance:
            return _taken(stored)
        if not self._is_left(stored.owner, known):
            return None
        with self._store.writing() as writes:
            if writes.take_over(stored.owner, self.instance) is None:
                return None
            # Read anew: the one before may have written between our reading and our taking.
            found = writes.load_run(uuid)
        # Of a process on this machine the lock says that it is gone.
        contested = stored.owner.instance is not None and self._leadership.shares(stored.owner.backend)
        return None if found is None else _taken(found, contested=contested)

    def may_act(self, backend: str) -> bool:
        """Whether workflows of a backend may be this process's."""
        return backend in self._backends and self._leadership.leads(backend)

    def _is_left(self, owned: Owned, known: Sequence[Instance]) -> bool:
        # Who leads a backend that is shared need not ask after the one that did before.
        shared = self._leadership.shares(owned.backend)
        return shared or owned.instance is None or self._is_gone(owned.instance, known)

    def _is_free(self, owned: Owned, gone: Collection[str | None]) -> bool:
        if not self.may_act(owned.backend):
            return False
        left = self._leadership.shares(owned.backend) or owned.instance in gone
        return left or owned.instance in (None, self.instance)

    def _is_gone(self, name: str | None, known: Sequence[Instance]) -> bool:
        return name is not None and self._ownership.is_gone(name, known, self._clock.now())

    def _keep_house(self, known: Sequence[Instance], found: Sequence[Owned]) -> None:
        owners = {owned.instance for owned in found}
        over = [one.name for one in known if one.name not in owners and self._is_gone(one.name, known)]
        with self._store.writing() as writes:
            writes.beat(self._row())
            for name in over:
                writes.forget_instance(name)
        for name in over:
            self._ownership.bury(name)

    def _row(self) -> Instance:
        return Instance(
            name=self.instance,
            place=self._ownership.place,
            pid=os.getpid(),
            started_at=self._started_at,
            heartbeat_at=self._clock.now(),
        )


def _taken(stored: StoredRun, *, contested: bool = False) -> Taken:
    return Taken(
        plan=decode(stored.plan),
        state=stored.state,
        fence=stored.owner.fence,
        timers=stored.timers,
        contested=contested,
        # Nothing was ever done for a workflow that was not accepted.
        is_new=all(group.status is TaskStatus.SUBMITTING for group in stored.state.groups.values()),
    )
