"""One unfinished workflow as the mirror holds it, and what one step makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.ports import EventLine, Run
from gateway.mirror.made_datasets import made_versions
from gateway.mirror.timers import TimerKey, timer_changes
from gateway.ports.clock import Alarm
from gateway.ports.datasets import MadeBy
from gateway.ports.runner import Runner
from gateway.ports.runs import StateChange
from gateway.services.sleepers import Sleepers
from translator.lifecycle.effects import AnyEffect
from translator.lifecycle.facts import AnyFact
from translator.lifecycle.reduce import PlanIndex, outstanding, reduce
from translator.lifecycle.state import WorkflowState
from translator.plan.model import WorkflowUuid


class Tracked:
    """A workflow that this process owns. `state` and `timers` are what the rows hold.

    Implements `gateway.services.sleepers.Sleeper`: run, index and state are there between `wake` and `sleep`. Both are
    called by the mirror's thread alone.
    """

    def __init__(
        self,
        *,
        run: Run,
        runner: Runner,
        fence: int,
        state: WorkflowState,
        timers: dict[TimerKey, datetime],
        sleepers: Sleepers,
    ) -> None:
        self.uuid: WorkflowUuid = run.plan.workflow_uuid
        self.backend = run.plan.backend
        self.weight = len(state.attempts)
        self.run = run
        self.index = PlanIndex.of(run.plan)
        self.state = state
        self.runner = runner
        self.fence = fence
        self.timers = timers
        self.alarm: Alarm | None = None
        self.alarm_due: datetime | None = None
        self.rang_for: datetime | None = None
        self.sealing = False
        # Versions of datasets that this process has written down.
        self.registered: set[MadeBy] = set()
        self._sleepers = sleepers
        self._asleep: bytes | None = None

    def wake(self) -> None:
        """Have everything at hand. Safe to repeat."""
        if self._asleep is not None:
            held = self._sleepers.unpack(self._asleep)
            self.run, self.state = held["run"], held["state"]
            self.index = PlanIndex.of(self.run.plan)
            self._asleep = None

    def sleep(self) -> bool:
        """Pack what grows with the number of tasks."""
        if self._asleep is None:
            self._asleep = self._sleepers.pack({"run": self.run, "state": self.state})
            del self.run, self.state, self.index
        return True

    def take(self, change: StateChange) -> None:
        """Hold what has been saved."""
        self.state = change.after
        self.registered.update(made.made_by for made in change.made)
        for timer in change.timers_gone:
            self.timers.pop((timer.kind, timer.subject), None)
        for timer in change.timers_new:
            self.timers[timer.kind, timer.subject] = timer.due


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one step does with one workflow: `change` is saved, then `effects` are carried out.

    Shape: `is_first`: since this process has it, so that nobody was told of it yet.
    """

    tracked: Tracked
    change: StateChange
    effects: tuple[AnyEffect, ...]
    is_first: bool = False

    @property
    def writes(self) -> bool:
        """Whether there is anything to save."""
        change = self.change
        return bool(
            change.before is not change.after
            or change.timers_gone
            or change.timers_new
            or change.events
            or change.cancels
            or change.sealed
            or change.made
        )


def step_of(
    tracked: Tracked,
    *,
    facts: Sequence[AnyFact] = (),
    events: Sequence[EventLine] = (),
    cancels: Sequence[int] = (),
    sealed: bool = False,
    all_outstanding: bool = False,
) -> Step:
    """Reduce facts. all_outstanding: not only what they led to, but all that is still to be done. Pure."""
    result = reduce(tracked.index, tracked.state, facts)
    after = result.state
    before = None if all_outstanding else tracked.state
    gone, new = timer_changes(tracked.run.plan, before, after, tracked.timers)
    change = StateChange(
        uuid=tracked.uuid,
        fence=tracked.fence,
        before=tracked.state,
        after=after,
        timers_gone=gone,
        timers_new=new,
        events=events,
        cancels=cancels,
        sealed=sealed,
        made=made_versions(tracked.run.plan, facts, tracked.registered),
    )
    effects = outstanding(tracked.index, after) if all_outstanding else result.effects
    return Step(tracked=tracked, change=change, effects=effects, is_first=all_outstanding)
