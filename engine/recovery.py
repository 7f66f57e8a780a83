"""What a new engine makes of the attempts that one before it had begun.

A command never survives its engine, so each attempt that the gateway takes for unfinished has exactly one of these:
it ended and that is on record; its command ended and its data is still to be saved; it is lost; or it never began.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from engine.group import Group
from engine.records import AttemptRecord, Stage, read_record
from engine.services import RunInHand, Services
from engine.strays import end_recorded
from translator.lifecycle.exit_actions import after_exit_action
from translator.lifecycle.facts import DatasetMade, TaskObserved
from translator.lifecycle.state import GroupState, TaskState, WorkflowState
from translator.lifecycle.transitions import Ending
from translator.lifecycle.words import ExitCode, TaskStatus
from translator.plan.model import TaskName, TaskPlan

LOST = "The local engine was ended while the task ran, and the task with it"


class Recovery:
    """Takes up one group."""

    def __init__(self, services: Services, held: RunInHand, group: Group, state: WorkflowState) -> None:
        self._services = services
        self._held = held
        self._group = group
        self._state: GroupState = state.groups[group.plan.name]
        self._latest = {task.name: state.attempts[task.name][-1] for task in group.plan.tasks}

    def carry_out(self) -> None:
        """Tell what was missed, save what was not saved, and queue what had not begun."""
        waiting: list[TaskName] = []
        some_lost = False
        for task in self._group.plan.tasks:
            latest = self._latest[task.name]
            if latest.status.finished or self._state.status.group_finished:
                self._group.recall(task.name, latest.retry_id, finished=True)
            elif latest.status.in_queue and self._record(task) is None:
                self._group.recall(task.name, latest.retry_id - 1, finished=False)
                waiting.append(task.name)
            else:
                some_lost |= self._take_up(task, latest)
        if self._state.cancel_due is None:
            self._queue(waiting, some_lost=some_lost)

    def _take_up(self, task: TaskPlan, latest: TaskState) -> bool:
        """Bring an attempt that had begun to its end; whether it is lost."""
        record = self._record(task)
        if record is not None and record.stage is Stage.ENDED:
            self._group.resumed(task.name, latest.retry_id).resume(record)
            return False
        if record is not None and record.stage is Stage.FINISHED and record.status is not None:
            ending = Ending(status=record.status, exit_code=record.exit_code, message=record.message)
            self._tell(task, latest, ending, record.at or self._services.reporter.now(), record.made)
            return False
        if record is not None:
            end_recorded(record.pid, record.start_ticks)
        self._lose(task, latest)
        return True

    def _lose(self, task: TaskPlan, latest: TaskState) -> None:
        lost = Ending(status=TaskStatus.FAILED_BACKEND_ERROR, exit_code=ExitCode.BACKEND_ERROR, message=LOST)
        self._tell(task, latest, lost, self._services.reporter.now())

    def _tell(
        self,
        task: TaskPlan,
        latest: TaskState,
        ending: Ending,
        at: datetime,
        made: tuple[DatasetMade, ...] = (),
    ) -> None:
        counted = after_exit_action(task, latest.retry_id, ending)
        self._group.recall(task.name, latest.retry_id, finished=counted.status is not TaskStatus.RESCHEDULED)
        fact = TaskObserved(
            task=task.name,
            retry_id=latest.retry_id,
            status=ending.status,
            at=at,
            exit_code=ending.exit_code,
            message=ending.message,
            made=made,
        )
        self._services.reporter.fact(self._held.run.plan.workflow_uuid, fact)

    def _queue(self, waiting: list[TaskName], *, some_lost: bool) -> None:
        """Queue again what was seen in the queue; what nobody has seen yet will be asked for from outside."""
        first = [name for name in waiting if self._latest[name].retry_id == 0]
        if some_lost:
            # A gang starts together or not at all: its group counts as created, and nobody will ask for the rest.
            for task in self._tasks(first):
                self._lose(task, self._latest[task.name])
        elif any(self._latest[name].status is TaskStatus.SCHEDULING for name in first):
            self._group.requeue(first)
        for name in waiting:
            latest = self._latest[name]
            if latest.retry_id and latest.status is TaskStatus.SCHEDULING:
                self._group.create_task(name, latest.retry_id)

    def _tasks(self, names: list[TaskName]) -> Iterator[TaskPlan]:
        return (task for task in self._group.plan.tasks if task.name in names)

    def _record(self, task: TaskPlan) -> AttemptRecord | None:
        latest = self._latest[task.name]
        workflow = self._held.run.plan.workflow_uuid
        return read_record(self._services.directories.attempt(workflow, task.name, latest.retry_id))
