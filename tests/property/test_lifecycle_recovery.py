"""A runner that forgets every effect, and only now and then asks for what is outstanding, still ends each workflow."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.lifecycle.histories import EVERYTHING, random_plan
from tests.unit.lifecycle.plans import START, moment
from translator.lifecycle.effects import AnyEffect, CreateGroup, CreateTask, DeleteGroup, RestartInPlace, Seal
from translator.lifecycle.facts import Accepted, AnyFact, CancelRequested, GroupCleaned, TaskObserved, Tick
from translator.lifecycle.reduce import PlanIndex, initial_state, outstanding, reduce
from translator.lifecycle.words import TaskStatus
from translator.plan.model import GroupName, TaskName


class Backend:
    """A runner in miniature: what exists, what was deleted, and what can be seen of it."""

    def __init__(self, index: PlanIndex) -> None:
        self.index = index
        self.alive: set[tuple[TaskName, int]] = set()
        self.started: list[tuple[TaskName, int]] = []
        self.deleted: set[GroupName] = set()
        self.sealed = False

    def do(self, effect: AnyEffect) -> None:
        """Do an effect, idempotently as its contract says."""
        match effect:
            case CreateGroup(group=group):
                assert group not in self.deleted, "what was deleted must not come back"
                for task in self.index.groups[group].tasks:
                    self._start(task.name, 0)
            case CreateTask(task=task_name, retry_id=retry_id):
                assert self.index.group_of[task_name].name not in self.deleted
                self.alive = {(name, retry) for name, retry in self.alive if name != task_name or retry >= retry_id}
                self._start(task_name, retry_id)
            case DeleteGroup(group=group):
                self.deleted.add(group)
                members = {task.name for task in self.index.groups[group].tasks}
                self.alive = {(name, retry) for name, retry in self.alive if name not in members}
            case RestartInPlace():
                pass
            case Seal():
                assert not self.alive, "a sealed workflow has nothing left"
                self.sealed = True

    def sights(self, random: Random, at: float) -> list[AnyFact]:
        """What a list of the backend may show now."""
        seen: list[AnyFact] = [GroupCleaned(group=group, at=moment(at)) for group in sorted(self.deleted)]
        for name, retry_id in sorted(self.alive):
            status, exit_code = random.choice(
                [
                    (TaskStatus.SCHEDULING, None),
                    (TaskStatus.INITIALIZING, None),
                    (TaskStatus.RUNNING, None),
                    (TaskStatus.COMPLETED, 0),
                    (TaskStatus.FAILED, 1),
                    (TaskStatus.FAILED_PREEMPTED, 3006),
                ]
            )
            seen.append(TaskObserved(task=name, retry_id=retry_id, status=status, at=moment(at), exit_code=exit_code))
        return seen

    def _start(self, task: TaskName, retry_id: int) -> None:
        if (task, retry_id) not in self.started:
            self.started.append((task, retry_id))
            self.alive.add((task, retry_id))


@settings(deadline=None, max_examples=200)
@given(st.integers(min_value=0, max_value=2**32))
def test_outstanding_alone_brings_every_workflow_to_its_end(seed: int) -> None:
    """design.md §2.7 'Nothing accepted is ever lost or doubled': effects that were lost are derived again."""
    random = Random(seed)
    index = PlanIndex.of(random_plan(random, EVERYTHING))
    backend, state = Backend(index), initial_state(index.plan, START)
    cancel_at = random.choice([None, random.randint(0, 30)])
    for step in range(5000):
        facts: list[AnyFact] = [Accepted(at=moment(step))] if step == 1 else []
        if step == cancel_at:
            facts.append(CancelRequested(user="bob", at=moment(step), force=random.random() < 0.5))
        facts += random.sample(sights := backend.sights(random, step), random.randint(0, len(sights)))
        # The effects of this change are lost: the process ends here.
        state = reduce(index, state, [*facts, Tick(at=moment(step))]).state
        if random.random() < 0.5:
            for effect in outstanding(index, state):
                backend.do(effect)
        if backend.sealed:
            break
    assert backend.sealed
    assert state.status.finished
    assert all(group.cleaned_up for group in state.groups.values())
    assert len(set(backend.started)) == len(backend.started)
    known = {(name, attempt.retry_id) for name, tries in state.attempts.items() for attempt in tries}
    assert set(backend.started) <= known
