"""The mirror's loop: drain, reduce, save, carry out, tell.

One thread does it for all workflows: facts that come while a transaction commits are the next one's batch. A step of
one workflow that fails parks that workflow and no other. What must survive the process is in the rows before it is
acted on, and what the rows call for is derived from them at the start (`outstanding`): so the process may die anywhere.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import structlog

from engine.crashpoints import crash_point
from engine.ports import EventLine, LogLine, Run
from gateway.mirror.custody import Custody
from gateway.mirror.fanout import ChangeSubscription, Fanout
from gateway.mirror.inbox import Inbox, Pending
from gateway.mirror.leadership import SoleLeader
from gateway.mirror.ownership import Ownership
from gateway.mirror.sealer import Sealer
from gateway.mirror.timers import running
from gateway.mirror.tracked import Step, Tracked, step_of
from gateway.ports.clock import Clock
from gateway.ports.faults import Fenced, StoreUnavailable
from gateway.ports.leadership import Leadership
from gateway.ports.logs import Logs
from gateway.ports.mirror import Beginning
from gateway.ports.records import NewWorkflow
from gateway.ports.runner import Runner
from gateway.ports.runs import CancelRequest
from gateway.ports.store import Reads, Store
from gateway.services.sleepers import Sleepers
from translator.lifecycle.effects import AnyEffect, DeleteGroup, Seal
from translator.lifecycle.facts import Accepted, AnyFact, Tick
from translator.lifecycle.reduce import PlanIndex, initial_state, reduce
from translator.plan.model import Plan, WorkflowUuid

INBOX_LIMIT = 10_000
SWEEP_EVERY = timedelta(seconds=1)
# Every so many sweeps the process says that it lives, and looks also at rows that it owns and does not know.
_THOROUGH_SWEEPS = 10
_WORKFLOWS_A_STEP = 64
_RETRY_SECONDS = (0.1, 0.5, 2.0, 5.0)
_STOP_SECONDS = 30.0

RunOf = Callable[[Reads, Plan], Run]
_T = TypeVar("_T")

_log = structlog.get_logger(__name__)


def without_secrets(_reads: Reads, plan: Plan) -> Run:
    """A workflow that refers to no credential."""
    return Run(plan=plan)


class Mirror:
    """Implements `gateway.ports.mirror.MirrorPort`, and `engine.ports.Sink` for the runners.

    Call `start` once and `stop` once. Several mirrors, in several processes, may work on one database: each has an
    instance name, and workflows whose owner is gone are taken over.
    """

    def __init__(
        self,
        *,
        store: Store,
        logs: Logs,
        runners: Mapping[str, Runner],
        clock: Clock,
        ownership: Ownership,
        leadership: Leadership | None = None,
        run_of: RunOf = without_secrets,
        inbox_limit: int = INBOX_LIMIT,
    ) -> None:
        self._store = store
        self._logs = logs
        self._runners = runners
        self._clock = clock
        self._custody = Custody(store, ownership, leadership or SoleLeader(), clock, runners.keys())
        self._run_of = run_of
        self._inbox = Inbox(inbox_limit)
        self._fanout = Fanout()
        self._sealer = Sealer(logs, clock, self._log_sealed)
        self._tracked: dict[WorkflowUuid, Tracked] = {}
        self._sleepers = Sleepers()
        self._parked: dict[WorkflowUuid, str] = {}
        # The newest request that a parked workflow has heard of: a newer one is a reason to try again.
        self._heard: dict[WorkflowUuid, int] = {}
        self._counts: Counter[str] = Counter()
        self._sweeps = 0
        self._creating = True
        self._applying = True
        self._given_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mirror", daemon=True)

    @property
    def instance(self) -> str:
        """The name of this process among those that share the database."""
        return self._custody.instance

    def beginning(self, reads: Reads, plan: Plan, at: datetime) -> Beginning:
        """How a workflow that is submitted at `at` is to be inserted: if it is this process's, as accepted."""
        state = initial_state(plan, at)
        if not self._custody.may_act(plan.backend):
            return Beginning(state=state)
        # So it needs no second transaction before it is begun.
        accepted = reduce(PlanIndex.of(plan), state, [Accepted(at=at)]).state
        return Beginning(state=accepted, instance=self.instance, run=self._run_of(reads, plan))

    @property
    def parked(self) -> Mapping[WorkflowUuid, str]:
        """Workflows that could not be worked on, and why; tried again when cancelled, and at the next start."""
        return dict(self._parked)

    @property
    def lag_seconds(self) -> float:
        """How long the oldest of what was reported has waited to be worked on; 0 where nothing waits."""
        return self._inbox.oldest_seconds

    def counts(self) -> Mapping[str, int]:
        """Figures for metrics: what is held now, and what was done so far."""
        done = {name: self._counts[name] for name in ("steps", "facts", "saved", "fenced", "lost_lines")}
        return {"tracked": len(self._tracked), "parked": len(self._parked), "waiting": self._inbox.size, **done}

    def start(self) -> None:
        """Start the runners, take up what is unfinished, and begin to work. Errors: StoreUnavailable."""
        self._custody.begin(self._inbox.mark_sweep)
        for runner in self._runners.values():
            runner.start(self)
        self._inbox.mark_sweep()
        self._thread.start()
        self._sweep_later()

    def stop(self) -> None:
        """End local work, record it, and let go of everything; the store and the logs stay open."""
        self._creating = False
        crash_point("mirror.stopping")
        for runner in self._runners.values():
            runner.stop()
        self._applying = False
        self.settle(_STOP_SECONDS)
        self._given_up.set()
        self._inbox.close()
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS)
        self._sealer.close()
        self._fanout.close()
        try:
            self._custody.end()
        except StoreUnavailable as error:
            # The lock is gone, and that is what counts.
            _log.warning("the row of this process stays behind", reason=str(error))

    def settle(self, timeout_seconds: float) -> bool:
        """Wait until all that has come is worked off; False where the time ran out first."""
        # A sealed log comes back to the inbox, so both must be idle one after the other.
        return (
            self._inbox.wait_idle(timeout_seconds)
            and self._sealer.wait_idle(timeout_seconds)
            and self._inbox.wait_idle(timeout_seconds)
        )

    def attend_new(self, new: NewWorkflow, run: Run | None) -> None:
        """Look after a workflow that was inserted."""
        self._inbox.mark(new.plan.workflow_uuid, new=new, run=run)

    def attend(self, uuid: WorkflowUuid) -> None:
        """Look at the rows of this workflow: it is new, or somebody wants it to end."""
        self._inbox.mark(uuid, attend=True)

    def subscribe(self, uuid: WorkflowUuid | None = None) -> ChangeSubscription:
        """Hear of changes of one workflow, or of all."""
        return self._fanout.subscribe(uuid)

    def listen(self, wake: Callable[[WorkflowUuid], None], uuid: WorkflowUuid | None = None) -> Callable[[], None]:
        """The same by a quick call from the mirror's thread."""
        return self._fanout.listen(wake, uuid)

    def facts(self, workflow: WorkflowUuid, facts: Sequence[AnyFact]) -> None:
        """Take facts in order."""
        self._inbox.put(workflow, facts=facts)

    def facts_of_many(self, facts: Mapping[WorkflowUuid, Sequence[AnyFact]]) -> None:
        """Take facts of several workflows."""
        self._inbox.put_all(facts)

    def lines(self, workflow: WorkflowUuid, lines: Sequence[LogLine]) -> None:
        """Take log lines."""
        try:
            self._logs.append(workflow, lines)
        except StoreUnavailable as error:
            # Stopping the task would lose more than its lines.
            self._counts["lost_lines"] += len(lines)
            _log.error("log lines lost", workflow=workflow, lines=len(lines), reason=str(error))

    def events(self, workflow: WorkflowUuid, events: Sequence[EventLine]) -> None:
        """Take events."""
        self._inbox.put(workflow, events=events)

    def _run(self) -> None:
        self._inbox.exempt_this_thread()
        while (taken := self._inbox.take(_WORKFLOWS_A_STEP)) is not None:
            sweep, batch = taken
            try:
                self._work(dict(batch), sweep=sweep)
            except Exception:  # noqa: BLE001
                _log.exception("step failed", workflows=[uuid for uuid, _ in batch])

    def _work(self, batch: dict[WorkflowUuid, Pending], *, sweep: bool) -> None:
        if sweep:
            self._patiently(self._sweep)
        fresh = {
            uuid
            for uuid, pending in batch.items()
            if (pending.attend or pending.new is not None)
            and self._guarded(uuid, partial(self._take_up, uuid, pending))
        }
        # Asked for only now, when the workflows are this process's: a cancel that is older than the acceptance keeps
        # a workflow from ever starting. One that was inserted as accepted is begun first.
        cancels = self._cancels() if any(pending.attend for pending in batch.values()) else {}
        steps = []
        for uuid, pending in batch.items():
            asked = cancels.get(uuid, ()) if pending.new is None else ()
            step = self._guarded(uuid, partial(self._step, uuid, pending, asked, fresh))
            if step is not None:
                steps.append(step)
        for step in self._saved(steps):
            self._guarded(step.tracked.uuid, partial(self._finish, step))
        for uuid, pending in batch.items():
            if pending.attend and pending.new is not None:
                self.attend(uuid)
        for step in steps:
            # Only now, since none of this batch may sleep before its step was taken.
            if self._tracked.get(step.tracked.uuid) is step.tracked:
                self._sleepers.used(step.tracked)

    def _step(
        self,
        uuid: WorkflowUuid,
        pending: Pending,
        cancels: Sequence[CancelRequest],
        fresh: Collection[WorkflowUuid],
    ) -> Step | None:
        """Reduce what has come for one workflow."""
        tracked = self._tracked.get(uuid)
        if tracked is None:
            return None
        tracked.wake()
        facts: list[AnyFact] = [request.fact for request in cancels]
        if uuid in fresh:
            facts.append(Accepted(at=self._clock.now()))
        facts += pending.facts
        if pending.tick:
            facts.append(Tick(at=self._clock.now()))
        self._counts["facts"] += len(facts)
        step = step_of(
            tracked,
            facts=facts,
            events=pending.events,
            cancels=[request.number for request in cancels],
            sealed=pending.log_sealed,
            all_outstanding=uuid in fresh,
        )
        crash_point("mirror.reduced")
        return step

    def _saved(self, steps: Sequence[Step]) -> Sequence[Step]:
        """Save all steps in one transaction; those that could be saved."""
        writing = [step for step in steps if step.writes]
        if not writing:
            return steps
        try:
            self._save(writing)
        except Fenced as error:
            self._drop_fenced(error)
        except Exception:  # noqa: BLE001
            _log.exception("batch not saved", workflows=[step.tracked.uuid for step in writing])
        else:
            return steps
        # One of them spoiled it: each for itself.
        return [
            step
            for step in steps
            if step.tracked.uuid in self._tracked
            and (not step.writes or self._guarded(step.tracked.uuid, partial(self._save, [step])))
        ]

    def _save(self, steps: Sequence[Step]) -> bool:
        changes = [step.change for step in steps]

        def write() -> None:
            with self._store.writing() as writes:
                writes.save_changes(changes)

        self._patiently(write)
        self._counts["saved"] += 1
        for step in steps:
            step.tracked.take(step.change)
        crash_point("mirror.saved")
        return True

    def _finish(self, step: Step) -> None:
        """Carry out what a saved step asks for, and tell."""
        tracked = step.tracked
        self._counts["steps"] += 1
        if step.change.sealed:
            crash_point("mirror.sealed")
            self._let_go(tracked)
        else:
            self._apply(tracked, step.effects)
            self._set_alarm(tracked)
        if step.writes or step.is_first:
            self._fanout.tell(tracked.uuid)

    def _apply(self, tracked: Tracked, effects: Sequence[AnyEffect]) -> None:
        wanted = [effect for effect in effects if self._may_apply(effect)]
        if wanted:
            tracked.runner.apply(tracked.run, wanted)
            crash_point("mirror.effects-applied")
        if not tracked.sealing and any(isinstance(effect, Seal) for effect in wanted):
            tracked.sealing = True
            self._sealer.seal(tracked.uuid)

    def _may_apply(self, effect: AnyEffect) -> bool:
        # What is held back stays outstanding, and is done after the next start. Of a runner that is about to stop only
        # clean-up is asked; a Seal that it did not hear of would leave its things behind for ever.
        return self._applying if isinstance(effect, DeleteGroup) else self._creating

    def _set_alarm(self, tracked: Tracked) -> None:
        due = min(tracked.timers.values(), default=None)
        if due == tracked.alarm_due:
            return
        if due is not None and due == tracked.rang_for:
            # It rang and is still due; let it not ring without end.
            due = self._clock.now() + SWEEP_EVERY
        if tracked.alarm is not None:
            tracked.alarm.cancel()
        tracked.alarm_due = due
        tracked.alarm = None if due is None else self._clock.call_at(due, partial(self._timer_due, tracked))

    def _timer_due(self, tracked: Tracked) -> None:
        crash_point("mirror.timer-due")
        tracked.rang_for, tracked.alarm_due = tracked.alarm_due, None
        self._inbox.mark(tracked.uuid, tick=True)

    def _log_sealed(self, uuid: WorkflowUuid) -> None:
        self._inbox.mark(uuid, log_sealed=True)

    def _take_up(self, uuid: WorkflowUuid, pending: Pending) -> bool:
        """Begin to track a workflow that this process owns or may take over; False where there is nothing to begin."""
        if uuid in self._tracked:
            return False
        crash_point("mirror.attending")
        taken = self._custody.inserted(pending.new) if pending.new is not None else None
        taken = taken or self._patiently(partial(self._custody.take, uuid))
        if taken is None:
            return False
        crash_point("mirror.taken-over")
        self._parked.pop(uuid, None)
        plan = taken.plan
        tracked = Tracked(
            run=pending.run or self._patiently(partial(self._read_run, plan)),
            runner=self._runners[plan.backend],
            fence=taken.fence,
            state=taken.state,
            timers=running(taken.timers),
            sleepers=self._sleepers,
        )
        self._patiently(partial(self._logs.recover, uuid, contested=taken.contested))
        tracked.runner.admit(tracked.run)
        self._tracked[uuid] = tracked
        if not taken.is_new:
            tracked.runner.recover(tracked.run, taken.state)
        crash_point("mirror.recovered")
        return True

    def _read_run(self, plan: Plan) -> Run:
        with self._store.reading() as reads:
            return self._run_of(reads, plan)

    def _sweep(self) -> None:
        """Find what only the rows know of; it is worked on like what was told, so many workflows at a time."""
        for tracked in [*self._tracked.values()]:
            if not self._custody.may_act(tracked.backend):
                _log.warning("workflow left to another process", workflow=tracked.uuid)
                self._leave(tracked)
        findings = self._custody.look(thorough=self._sweeps % _THOROUGH_SWEEPS == 0)
        self._sweeps += 1
        for uuid in findings.free:
            if uuid not in self._tracked and uuid not in self._parked:
                self.attend(uuid)
        for request in findings.cancels:
            if request.number > self._heard.get(request.uuid, 0):
                self.attend(request.uuid)

    def _sweep_later(self) -> None:
        def sweep() -> None:
            self._inbox.mark_sweep()
            self._sweep_later()

        if not self._given_up.is_set():
            self._clock.call_at(self._clock.now() + SWEEP_EVERY, sweep)

    def _cancels(self) -> Mapping[WorkflowUuid, Sequence[CancelRequest]]:
        found: defaultdict[WorkflowUuid, list[CancelRequest]] = defaultdict(list)
        for request in self._patiently(self._custody.cancel_requests):
            found[request.uuid].append(request)
        return found

    def _guarded(self, uuid: WorkflowUuid, action: Callable[[], _T]) -> _T | None:
        """Do something for one workflow; where it fails, that one is parked. None: it failed."""
        try:
            return action()
        except Fenced as error:
            self._drop_fenced(error)
        except Exception as error:  # noqa: BLE001
            self._park(uuid, error)
        return None

    def _park(self, uuid: WorkflowUuid, error: Exception) -> None:
        _log.exception("workflow parked", workflow=uuid)
        self._parked[uuid] = f"{type(error).__name__}: {error}"
        self._heard[uuid] = max((request.number for request in self._cancels().get(uuid, ())), default=0)
        tracked = self._tracked.pop(uuid, None)
        if tracked is None:
            return
        self._sleepers.forget(tracked)
        if tracked.alarm is not None:
            tracked.alarm.cancel()

    def _drop_fenced(self, error: Fenced) -> None:
        for uuid in error.workflows:
            _log.error("workflow taken over by another process", workflow=uuid)
            self._counts["fenced"] += 1
            if uuid in self._tracked:
                self._leave(self._tracked[uuid])

    def _leave(self, tracked: Tracked) -> None:
        """Let go of a workflow that is another process's now."""
        self._logs.leave(tracked.uuid)
        self._let_go(tracked)

    def _let_go(self, tracked: Tracked) -> None:
        self._tracked.pop(tracked.uuid, None)
        self._heard.pop(tracked.uuid, None)
        if tracked.alarm is not None:
            tracked.alarm.cancel()
        tracked.wake()
        tracked.runner.forget(tracked.run)
        self._sleepers.forget(tracked)

    def _patiently(self, action: Callable[[], _T]) -> _T:
        """Do something with the database; while it cannot be used, try again until the mirror is stopped."""
        attempt = 0
        while True:
            try:
                return action()
            except StoreUnavailable as error:
                delay = _RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)]
                attempt += 1
                _log.warning("database not usable, trying again", reason=str(error), seconds=delay)
                if self._given_up.wait(delay):
                    raise
