"""A backend without programs: it plays scripts, deterministically and without sleeping.

For tests of everything above a runner, and for demonstrations. Reports are made at once, from within `apply` or an
alarm of the clock; a script that lasts takes its time on that clock.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import assert_never

from engine.ports import EventLine, LogLine, Run, Sink
from gateway.ports.clock import Alarm, Clock
from gateway.runners.dummy_script import Script, Scripts, scripts_of_environment
from translator.lifecycle.effects import AnyEffect, CreateGroup, CreateTask, DeleteGroup, RestartInPlace, Seal
from translator.lifecycle.facts import AnyFact, GroupCleaned, GroupCreationFailed, TaskCreationFailed, TaskObserved
from translator.lifecycle.state import WorkflowState
from translator.lifecycle.words import ExitCode, TaskStatus
from translator.plan.model import GroupName, GroupPlan, TaskName, TaskPlan, WorkflowUuid


@dataclass(slots=True, kw_only=True)
class _Attempt:
    """One attempt that exists. `reported` is the last word; `restarted_for` the new attempts it restarted for."""

    task: TaskName
    group: GroupName
    retry_id: int
    script: Script
    reported: TaskStatus = TaskStatus.PROCESSING
    is_due: bool = False
    alarm: Alarm | None = None
    restarted_for: set[tuple[TaskName, int]] = field(default_factory=set)


@dataclass(slots=True, kw_only=True)
class _World:
    """What exists of one workflow."""

    run: Run
    attempts: dict[tuple[TaskName, int], _Attempt] = field(default_factory=dict)

    def latest(self, task: str) -> _Attempt | None:
        """The newest attempt of a task."""
        found = [attempt for attempt in self.attempts.values() if attempt.task == task]
        return max(found, key=lambda attempt: attempt.retry_id, default=None)


class DummyRunner:
    """Implements `gateway.ports.runner.Runner`.

    Shape: `scripts` by task name; a task without one is played as its environment says. With `markers` (a directory)
    it is remembered there which attempts exist, as a cluster does: after a restart they are found to have gone on.
    """

    def __init__(self, clock: Clock, scripts: Scripts | None = None, markers: Path | None = None) -> None:
        self._clock = clock
        self._scripts = scripts or {}
        self._markers = markers
        self._lock = threading.RLock()
        self._worlds: dict[WorkflowUuid, _World] = {}
        self._sink: Sink | None = None
        self._outbox: deque[Callable[[Sink], None]] = deque()
        self._reporting = threading.Lock()
        self._stopped = False
        self.applied: list[tuple[WorkflowUuid, AnyEffect]] = []
        """Every effect that was asked for, in order."""
        self.restarts: list[tuple[TaskName, TaskName, int]] = []
        """Every restart in place that was done: the task, and the attempt that caused it."""

    def start(self, sink: Sink) -> None:
        """Begin to report."""
        self._sink = sink

    def admit(self, run: Run) -> None:
        """Make a workflow known."""
        with self._lock:
            self._worlds.setdefault(run.plan.workflow_uuid, _World(run=run))

    def apply(self, run: Run, effects: Sequence[AnyEffect]) -> None:
        """Carry out effects; what follows at once is reported before this returns."""
        with self._lock:
            world = self._worlds[run.plan.workflow_uuid]
            for effect in effects:
                self.applied.append((run.plan.workflow_uuid, effect))
                if not self._stopped:
                    self._carry_out(world, effect)
        self._report()

    def recover(self, run: Run, state: WorkflowState) -> None:
        """Report what exists, and what is missing."""
        with self._lock:
            world = self._worlds[run.plan.workflow_uuid]
            for attempts in state.attempts.values():
                known = attempts[-1]
                if known.status.finished:
                    continue
                key = (known.name, known.retry_id)
                if key in world.attempts:
                    self._say_again(world, world.attempts[key])
                elif self._is_marked(world, *key):
                    self._create(world, known.group, known.name, known.retry_id)
                elif known.status not in _NOT_SEEN:
                    self._say_lost(world, *key)
            self._advance(world)
        self._report()

    def forget(self, run: Run) -> None:
        """Drop what is held of a sealed workflow."""
        with self._lock:
            world = self._worlds.pop(run.plan.workflow_uuid, None)
            for attempt in world.attempts.values() if world else ():
                self._silence(attempt)

    def stop(self) -> None:
        """End what runs: it is reported as lost."""
        with self._lock:
            self._stopped = True
            for world in self._worlds.values():
                for attempt in list(world.attempts.values()):
                    self._silence(attempt)
                    if not attempt.reported.finished and self._markers is None:
                        attempt.reported = TaskStatus.FAILED_BACKEND_ERROR
                        self._say_lost(world, attempt.task, attempt.retry_id)
        self._report()

    def existing(self, uuid: WorkflowUuid) -> Mapping[tuple[TaskName, int], TaskStatus]:
        """The attempts that exist, with the last word about each."""
        with self._lock:
            world = self._worlds.get(uuid)
            return {} if world is None else {key: attempt.reported for key, attempt in world.attempts.items()}

    def _carry_out(self, world: _World, effect: AnyEffect) -> None:
        match effect:
            case CreateGroup(group=name):
                self._create_group(world, _group(world, name))
            case CreateTask(task=task, retry_id=retry_id):
                self._create_task(world, task, retry_id)
            case RestartInPlace():
                self._restart(world, effect)
            case DeleteGroup(group=name):
                self._delete_group(world, name)
            case Seal():
                pass
            case _:
                assert_never(effect)
        self._advance(world)

    def _create_group(self, world: _World, group: GroupPlan) -> None:
        errors = [error for task in group.tasks if (error := self._script(task, 0).creation_error)]
        if errors:
            self._say(world, GroupCreationFailed(group=group.name, message=errors[0], at=self._clock.now()))
            return
        for task in group.tasks:
            self._create(world, group.name, task.name, 0)

    def _create_task(self, world: _World, name: TaskName, retry_id: int) -> None:
        group, task = next(
            (group, task) for group in world.run.plan.groups for task in group.tasks if task.name == name
        )
        error = self._script(task, retry_id).creation_error
        if error:
            self._say(world, TaskCreationFailed(task=name, retry_id=retry_id, message=error, at=self._clock.now()))
            return
        for older in [attempt for attempt in world.attempts.values() if attempt.task == name]:
            if older.retry_id < retry_id:
                self._remove(world, older)
        self._create(world, group.name, name, retry_id)

    def _create(self, world: _World, group: GroupName, name: TaskName, retry_id: int) -> None:
        if (name, retry_id) in world.attempts:
            return
        task = next(task for task in _group(world, group).tasks if task.name == name)
        attempt = _Attempt(task=name, group=group, retry_id=retry_id, script=self._script(task, retry_id))
        world.attempts[name, retry_id] = attempt
        if not self._is_marked(world, name, retry_id):
            self._mark(world, attempt)
        for status in attempt.script.way:
            self._observe(world, attempt, status)
        if attempt.reported is TaskStatus.RUNNING:
            self._write(world, attempt)
        seconds = attempt.script.seconds
        if not seconds:
            attempt.is_due = True
            return
        due = self._clock.now() + timedelta(seconds=seconds)
        attempt.alarm = self._clock.call_at(due, lambda: self._time_is_up(world, attempt))

    def _time_is_up(self, world: _World, attempt: _Attempt) -> None:
        with self._lock:
            attempt.is_due = True
            self._advance(world)
        self._report()

    def _advance(self, world: _World) -> None:
        """End every attempt whose time has come; one's end may be another's."""
        moved = True
        while moved:
            moved = False
            for attempt in list(world.attempts.values()):
                if self._may_end(world, attempt):
                    self._observe(world, attempt, attempt.script.status)
                    moved = True

    def _may_end(self, world: _World, attempt: _Attempt) -> bool:
        script = attempt.script
        if self._stopped or attempt.reported.finished or not attempt.is_due:
            return False
        if script.until_deleted or script.stays is not None:
            return False
        return all(self._happened(world, after.task, ended=after.ended) for after in script.after)

    def _happened(self, world: _World, task: str, *, ended: bool) -> bool:
        latest = world.latest(task)
        if latest is None:
            return False
        if not ended:
            return latest.reported is TaskStatus.RUNNING or latest.reported.finished
        # For good: no further attempt is in the script.
        plan = next(one for one in _group(world, latest.group).tasks if one.name == task)
        return latest.reported.finished and latest.retry_id >= len(self._scripts_of(plan)) - 1

    def _restart(self, world: _World, effect: RestartInPlace) -> None:
        cause = (effect.because_of, effect.retry_id)
        for name in effect.tasks:
            attempt = world.latest(name)
            if attempt is None or attempt.reported is not TaskStatus.RUNNING or cause in attempt.restarted_for:
                continue
            attempt.restarted_for.add(cause)
            self.restarts.append((name, *cause))
            self._write(world, attempt, again=True)

    def _delete_group(self, world: _World, name: GroupName) -> None:
        for attempt in [attempt for attempt in world.attempts.values() if attempt.group == name]:
            self._remove(world, attempt)
        self._say(world, GroupCleaned(group=name, at=self._clock.now()))

    def _remove(self, world: _World, attempt: _Attempt) -> None:
        self._silence(attempt)
        del world.attempts[attempt.task, attempt.retry_id]
        if self._markers is not None:
            self._marker(world, attempt.task, attempt.retry_id).unlink(missing_ok=True)

    @staticmethod
    def _silence(attempt: _Attempt) -> None:
        if attempt.alarm is not None:
            attempt.alarm.cancel()

    def _script(self, task: TaskPlan, retry_id: int) -> Script:
        scripts = self._scripts_of(task)
        return scripts[min(retry_id, len(scripts) - 1)]

    def _scripts_of(self, task: TaskPlan) -> Sequence[Script]:
        return self._scripts.get(task.name) or scripts_of_environment(task)

    def _observe(self, world: _World, attempt: _Attempt, status: TaskStatus) -> None:
        attempt.reported = status
        self._say(world, self._observation(world, attempt, status))
        event = EventLine(
            at=self._clock.now(),
            task=attempt.task,
            retry_id=attempt.retry_id,
            reason=_REASONS.get(status, "Ended"),
            message=f"{attempt.task} is {status}",
        )
        uuid = world.run.plan.workflow_uuid
        self._outbox.append(lambda sink: sink.events(uuid, [event]))

    def _observation(self, world: _World, attempt: _Attempt, status: TaskStatus) -> TaskObserved:
        return TaskObserved(
            task=attempt.task,
            retry_id=attempt.retry_id,
            status=status,
            at=self._clock.now(),
            exit_code=attempt.script.exit_code if status.finished else None,
            message=attempt.script.message if status.finished else "",
            node="dummy",
            pod_name=f"{world.run.plan.workflow_uuid[:16]}-{attempt.task}",
        )

    def _say_again(self, world: _World, attempt: _Attempt) -> None:
        for status in attempt.script.way:
            self._say(world, self._observation(world, attempt, status))
            if status is attempt.reported:
                return
        if attempt.reported.finished:
            self._say(world, self._observation(world, attempt, attempt.reported))

    def _say_lost(self, world: _World, task: TaskName, retry_id: int) -> None:
        lost = TaskObserved(
            task=task,
            retry_id=retry_id,
            status=TaskStatus.FAILED_BACKEND_ERROR,
            at=self._clock.now(),
            exit_code=ExitCode.BACKEND_ERROR,
            message="It no longer exists.",
        )
        self._say(world, lost)

    def _write(self, world: _World, attempt: _Attempt, *, again: bool = False) -> None:
        at, uuid = self._clock.now(), world.run.plan.workflow_uuid
        texts = attempt.script.log[0 if again else self._lines_marked(world, attempt) :]
        lines = [LogLine(at=at, task=attempt.task, retry_id=attempt.retry_id, text=text) for text in texts]

        def hand_over(sink: Sink) -> None:
            # One by one where it counts which of them a crash left.
            for batch in ([line] for line in lines) if self._markers is not None else [lines]:
                sink.lines(uuid, batch)
            self._mark(world, attempt, lines=len(attempt.script.log))

        if lines:
            self._outbox.append(hand_over)

    def _say(self, world: _World, fact: AnyFact) -> None:
        uuid = world.run.plan.workflow_uuid
        self._outbox.append(lambda sink: sink.facts(uuid, [fact]))

    def _report(self) -> None:
        """Hand over what was said, in order. A thread that finds another one at it leaves its own to that one.

        So no thread waits for another here: the other may be waiting for room in the mirror's inbox, and this one may
        be the one that makes it.
        """
        sink = self._sink
        while sink is not None and self._outbox and self._reporting.acquire(blocking=False):
            try:
                while self._outbox:
                    self._outbox.popleft()(sink)
            finally:
                self._reporting.release()

    def _marker(self, world: _World, task: TaskName, retry_id: int) -> Path:
        return (self._markers or Path()) / world.run.plan.workflow_uuid / f"{task}.{retry_id}"

    def _mark(self, world: _World, attempt: _Attempt, *, lines: int = 0) -> None:
        """Remember that the attempt exists, and how many of its lines were handed over."""
        if self._markers is not None:
            marker = self._marker(world, attempt.task, attempt.retry_id)
            marker.parent.mkdir(parents=True, exist_ok=True)
            marker.write_text(str(lines))

    def _is_marked(self, world: _World, task: TaskName, retry_id: int) -> bool:
        return self._markers is not None and self._marker(world, task, retry_id).exists()

    def _lines_marked(self, world: _World, attempt: _Attempt) -> int:
        if not self._is_marked(world, attempt.task, attempt.retry_id):
            return 0
        return int(self._marker(world, attempt.task, attempt.retry_id).read_text() or 0)


_NOT_SEEN = frozenset({TaskStatus.WAITING, TaskStatus.PROCESSING, TaskStatus.SUBMITTING})
_REASONS = {
    TaskStatus.SCHEDULING: "Scheduled",
    TaskStatus.INITIALIZING: "Pulling",
    TaskStatus.RUNNING: "Started",
    TaskStatus.COMPLETED: "Completed",
}


def _group(world: _World, name: GroupName) -> GroupPlan:
    return next(group for group in world.run.plan.groups if group.name == name)
