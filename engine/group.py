"""The tasks of one group on this machine: their gang, their barrier, their attempts.

Which attempts there are is decided by effects; who may start its command by `translator.lifecycle.barrier`.
Source: workflow-spec.md §5.3 to §5.5.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.admission import Claim, Gang, Grant
from engine.attempt import Attempt, Step
from engine.crashpoints import crash_point
from engine.services import RunInHand, Services
from translator.lifecycle.barrier import entries_after_reschedule, released
from translator.lifecycle.exit_actions import after_exit_action
from translator.lifecycle.facts import AnyFact, GroupCleaned, GroupCreationFailed, TaskCreationFailed
from translator.lifecycle.transitions import Ending
from translator.lifecycle.words import TaskStatus
from translator.plan.model import GroupPlan, TaskName, TaskPlan


class Group:
    """One group; the engine's thread only. `waiting` holds gangs that this engine queued, by name."""

    def __init__(
        self, services: Services, held: RunInHand, plan: GroupPlan, waiting: dict[str, Callable[[Grant], None]]
    ) -> None:
        self.plan = plan
        self._services = services
        self._held = held
        self._waiting = waiting
        self._tasks = {task.name: task for task in plan.tasks}
        self._attempts: dict[TaskName, Attempt] = {}
        self._latest: dict[TaskName, int] = {}
        self._unfinished = {task.name for task in plan.tasks}
        self._announced: frozenset[TaskName] = frozenset()
        self._restarts: set[tuple[TaskName, int]] = set()
        self._queued: set[str] = set()
        self._next: dict[TaskName, int] = {}
        self._kept: dict[TaskName, Claim] = {}
        self._created = False
        self._deleting = False
        self._cleaned = False

    @property
    def alive(self) -> bool:
        """Whether something of it runs, or waits to run."""
        return bool(self._attempts)

    def create(self) -> None:
        """Queue the first attempts, to start together; once."""
        if self._created or self._deleting:
            return
        self._created = True
        crash_point("group.created")
        self._queue([self._new_attempt(task, 0) for task in self.plan.tasks], first=False)

    def create_task(self, name: TaskName, retry_id: int) -> None:
        """Queue a new attempt of a task; once. It starts from scratch when nothing is left of the one before."""
        if self._deleting or retry_id <= max(self._latest.get(name, -1), self._next.get(name, -1)):
            return
        self._created = True
        self._unfinished.add(name)
        entries = entries_after_reschedule(self.plan, self._announced, name)
        # Those that stand in the barrier announce themselves until they are let go.
        standing = {other.task.name for other in self._attempts.values() if other.step is Step.WAITING}
        self._announced = entries | (standing - {name})
        self._next[name] = retry_id
        former = self._attempts.get(name)
        if former is None:
            self._begin_next(name)
        else:
            former.stop(force=True)

    def restart(self, tasks: tuple[TaskName, ...], because_of: TaskName, retry_id: int) -> None:
        """Restart commands in place; once for each new attempt that is the reason."""
        if self._deleting or (because_of, retry_id) in self._restarts:
            return
        self._restarts.add((because_of, retry_id))
        if retry_id > max(self._latest.get(because_of, -1), self._next.get(because_of, -1)):
            # Or those that restart would find the attempt before still announced, and not wait for the new one.
            self._announced = entries_after_reschedule(self.plan, self._announced, because_of)
        for name in tasks:
            attempt = self._attempts.get(name)
            if attempt is not None and attempt.step is Step.RUNNING:
                self._announced -= {name}
                attempt.restart()

    def delete(self, *, force: bool) -> None:
        """End everything; GroupCleaned is told when nothing is left, each time that this is asked for."""
        self._deleting, self._cleaned = True, False
        self._next.clear()
        self._stop_all(force=force, last_words=None)
        self._tell_if_clean()

    def drop(self) -> None:
        """Kill everything and tell nobody."""
        self._next.clear()
        self._stop_all(force=True, last_words=None)

    def stop(self, last_words: Ending) -> None:
        """End everything because the engine stops; what had begun tells these last words."""
        self._next.clear()
        self._stop_all(force=False, last_words=last_words)

    def lose(self, ending: Ending) -> None:
        """Take note that all processes are gone: attempts that had begun tell this end."""
        for attempt in [*self._attempts.values()]:
            if attempt.step is not Step.QUEUED:
                attempt.lose(ending)

    def recall(self, name: TaskName, retry_id: int, *, finished: bool) -> None:
        """Take note of an attempt that an engine before had begun; -1: none, so that it may still be asked for."""
        self._created |= retry_id >= 0
        self._latest[name] = max(retry_id, self._latest.get(name, -1))
        if finished:
            self._unfinished.discard(name)

    def resumed(self, name: TaskName, retry_id: int) -> Attempt:
        """A new object for an attempt that an engine before had begun and this one is to bring to its end."""
        self._created = True
        return self._new_attempt(self._tasks[name], retry_id)

    def requeue(self, tasks: list[TaskName]) -> None:
        """Queue first attempts again that an engine before had queued and not begun."""
        self._created = True
        self._queue([self._new_attempt(self._tasks[name], 0) for name in tasks], first=False)

    # What attempts tell

    def announced(self, attempt: Attempt) -> None:
        """It stands in the barrier."""
        self._announced |= {attempt.task.name}
        self._open_barrier()

    def creation_failed(self, attempt: Attempt, message: str) -> None:
        """It could not even be prepared."""
        workflow, at = self._held.run.plan.workflow_uuid, self._services.reporter.now()
        if attempt.retry_id:
            name, retry_id = attempt.task.name, attempt.retry_id
            fact: AnyFact = TaskCreationFailed(task=name, retry_id=retry_id, message=message, at=at)
        else:
            fact = GroupCreationFailed(group=self.plan.name, message=message, at=at)
        self._services.reporter.fact(workflow, fact)

    def ended(self, attempt: Attempt, ending: Ending) -> None:
        """It is over."""
        counted = after_exit_action(attempt.task, attempt.retry_id, ending)
        if counted.status is TaskStatus.RESCHEDULED and not self._deleting:
            # It comes again: the others wait for it in the barrier, and what it holds is for its next attempt.
            self._kept[attempt.task.name] = attempt.claim
        else:
            self._unfinished.discard(attempt.task.name)
            # Who waits need not wait for the last of its processes, which are being killed.
            self._give_back(attempt.claim)
        self._open_barrier()

    def gone(self, attempt: Attempt) -> None:
        """Nothing of it runs any more."""
        name = attempt.task.name
        if self._kept.get(name) != attempt.claim:
            self._give_back(attempt.claim)
        if self._attempts.get(name) is attempt:
            del self._attempts[name]
            if name in self._next:
                self._begin_next(name)
        self._tell_if_clean()

    def _open_barrier(self) -> None:
        if self._deleting:
            return
        for name in sorted(released(self.plan, self._announced, self._unfinished)):
            if (attempt := self._attempts.get(name)) is not None:
                attempt.proceed()

    def _begin_next(self, name: TaskName) -> None:
        attempt = self._new_attempt(self._tasks[name], self._next.pop(name))
        kept = self._kept.pop(name, None)
        gpus = None if kept is None else self._services.admission.hand_over(kept, attempt.claim)
        if gpus is None:
            # Its group runs and may wait for it, so it goes before those who hold nothing.
            self._queue([attempt], first=True)
        else:
            attempt.observe(TaskStatus.SCHEDULING)
            attempt.begin(gpus)

    def _give_back(self, claim: Claim) -> None:
        self._services.admission.release(claim)
        self._services.admit_waiting()

    def _new_attempt(self, task: TaskPlan, retry_id: int) -> Attempt:
        attempt = Attempt(self._services, self._held, task, retry_id, self)
        self._attempts[task.name] = attempt
        self._latest[task.name] = retry_id
        return attempt

    def _queue(self, attempts: list[Attempt], *, first: bool) -> None:
        gang = Gang(name=attempts[0].claim, wants={attempt.claim: attempt.task.resources for attempt in attempts})
        for attempt in attempts:
            attempt.observe(TaskStatus.SCHEDULING)
            if excess := self._services.admission.excess(gang):
                attempt.voice.event("InsufficientResources", f"{excess}: waits until it is alone")
                attempt.voice.system(f"Warning: {excess}; it runs when nothing else does")
        self._queued.add(gang.name)

        def begin(grant: Grant) -> None:
            self._queued.discard(gang.name)
            for attempt in attempts:
                attempt.begin(grant.gpus[attempt.claim])

        self._waiting[gang.name] = begin
        self._services.admission.enqueue(gang, first=first)
        self._services.admit_waiting()

    def _stop_all(self, *, force: bool, last_words: Ending | None) -> None:
        for name in self._queued:
            self._services.admission.withdraw(name)
            self._waiting.pop(name, None)
        self._queued.clear()
        for claim in self._kept.values():
            self._services.admission.release(claim)
        self._kept.clear()
        for attempt in [*self._attempts.values()]:
            attempt.stop(force=force, last_words=last_words)
        self._services.admit_waiting()

    def _tell_if_clean(self) -> None:
        if self._deleting and not self._cleaned and not self._attempts:
            self._cleaned = True
            reporter = self._services.reporter
            reporter.fact(self._held.run.plan.workflow_uuid, GroupCleaned(group=self.plan.name, at=reporter.now()))
