"""One unfinished workflow as the mirror holds it, and what one step makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.ports import EventLine, Run
from gateway.mirror.timers import TimerKey, timer_changes
from gateway.ports.clock import Alarm
from gateway.ports.runner import Runner
from gateway.ports.runs import StateChange
from translator.lifecycle.effects import AnyEffect
from translator.lifecycle.facts import AnyFact
from translator.lifecycle.reduce import PlanIndex, outstanding, reduce
from translator.lifecycle.state import WorkflowState
from translator.plan.model import WorkflowUuid


@dataclass(slots=True, kw_only=True)
class Tracked:
    """A workflow that this process owns. `state` and `timers` are what the rows hold."""

    run: Run
    index: PlanIndex
    runner: Runner
    fence: int
    state: WorkflowState
    timers: dict[TimerKey, datetime]
    alarm: Alarm | None = None
    alarm_due: datetime | None = None
    rang_for: datetime | None = None
    sealing: bool = False

    @property
    def uuid(self) -> WorkflowUuid:
        """Which workflow."""
        return self.run.plan.workflow_uuid

    def take(self, change: StateChange) -> None:
        """Hold what has been saved."""
        self.state = change.after
        for timer in change.timers_gone:
            self.timers.pop((timer.kind, timer.subject), None)
        for timer in change.timers_new:
            self.timers[timer.kind, timer.subject] = timer.due


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one step does with one workflow: `change` is saved, then `effects` are carried out."""

    tracked: Tracked
    change: StateChange
    effects: tuple[AnyEffect, ...]

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
    )
    effects = outstanding(tracked.index, after) if all_outstanding else result.effects
    return Step(tracked=tracked, change=change, effects=effects)
