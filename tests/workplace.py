"""Plans, and a gateway without HTTP: store, logs, mirror, dummy runner, and a clock that tests move."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from engine.ports import LogLine, Run
from gateway.mirror.clock import VirtualClock
from gateway.mirror.leadership import SoleLeader
from gateway.mirror.loop import Mirror
from gateway.mirror.ownership import LockedInstance
from gateway.ports.leadership import Leadership
from gateway.ports.logs import LogQuery
from gateway.ports.records import AppRef, NewWorkflow, Parent, WorkflowRecord
from gateway.ports.runner import Runner
from gateway.runners.dummy import DummyRunner
from gateway.runners.dummy_script import Scripts
from gateway.store.logs import ROLL_BYTES, FileLogs
from gateway.store.session import SqlStore, open_store
from translator.lifecycle.facts import CancelRequested
from translator.lifecycle.reduce import initial_state
from translator.lifecycle.state import WorkflowState
from translator.lifecycle.words import TaskStatus
from translator.plan.model import (
    ExitAction,
    ExitRule,
    GroupName,
    GroupPlan,
    Plan,
    Priority,
    ResourceRequest,
    TaskName,
    TaskPlan,
    WorkflowId,
    WorkflowUuid,
)

START = datetime(2026, 1, 1, 12)
PATIENCE_SECONDS = 30.0
BACKEND = "local"


def moment(seconds: float) -> datetime:
    """`seconds` after the start of the tests' time."""
    return START + timedelta(seconds=seconds)


def task(
    name: str,
    *,
    lead: bool = True,
    environment: Mapping[str, str] | None = None,
    reschedule: tuple[tuple[int, int], ...] = (),
    max_retries: int = 0,
    resources: ResourceRequest | None = None,
) -> TaskPlan:
    """A task; `reschedule` are the codes that make it come back."""
    rules = (ExitRule(action=ExitAction.RESCHEDULE, ranges=reschedule),) if reschedule else ()
    return TaskPlan(
        name=TaskName(name),
        uuid=uuid4().hex,
        lead=lead,
        image="image",
        command=("true",),
        environment=dict(environment or {}),
        exit_rules=rules,
        max_retries=max_retries,
        resources=resources or ResourceRequest(),
    )


def group(name: str, *tasks: TaskPlan, after: Sequence[str] = ()) -> GroupPlan:
    """A group; without tasks it has one of its own name."""
    return GroupPlan(
        name=GroupName(f"{name}-group"),
        uuid=uuid4().hex,
        tasks=tasks or (task(name),),
        upstream=tuple(GroupName(f"{upstream}-group") for upstream in after),
    )


def plan(
    *groups: GroupPlan,
    name: str = "wf",
    number: int = 1,
    uuid: str | None = None,
    owner: str = "alice",
    pool: str = "default",
    backend: str = BACKEND,
    priority: Priority = Priority.NORMAL,
    labels: Mapping[str, str] | None = None,
    exec_timeout_seconds: float | None = None,
    queue_timeout_seconds: float | None = None,
) -> Plan:
    """A workflow `<name>-<number>`; without groups it has one task `a`."""
    return Plan(
        name=name,
        workflow_id=WorkflowId(f"{name}-{number}"),
        workflow_uuid=WorkflowUuid(uuid or uuid4().hex),
        owner=owner,
        pool=pool,
        backend=backend,
        priority=priority,
        labels=dict(labels or {}),
        exec_timeout_seconds=exec_timeout_seconds,
        queue_timeout_seconds=queue_timeout_seconds,
        groups=groups or (group("a"),),
    )


def chain(length: int) -> tuple[GroupPlan, ...]:
    """Groups `t0` … in a row."""
    return tuple(group(f"t{index}", after=[f"t{index - 1}"] if index else ()) for index in range(length))


def new_workflow(
    made: Plan,
    at: datetime = START,
    *,
    state: WorkflowState | None = None,
    instance: str | None = None,
    parent: Parent | None = None,
    app: AppRef | None = None,
) -> NewWorkflow:
    """What a submission keeps; without `state` of a workflow that was not accepted yet."""
    return NewWorkflow(
        plan=made,
        state=state or initial_state(made, at),
        number=int(made.workflow_id.rpartition("-")[2]),
        instance=instance,
        parent=parent,
        app=app,
    )


def insert_to(mirror: Mirror, store: SqlStore, made: Plan, at: datetime = START) -> tuple[NewWorkflow, Run | None]:
    """Keep a workflow as a submission to the process of a mirror does; what the mirror is told afterwards."""
    with store.writing(durable=True) as writes:
        beginning = mirror.beginning(writes, made, at)
        new = new_workflow(made, at, state=beginning.state, instance=beginning.instance)
        writes.insert_workflow(new)
    return new, beginning.run


def insert(
    store: SqlStore,
    inserted: Plan,
    at: datetime = START,
    *,
    instance: str | None = None,
    parent: Parent | None = None,
    app: AppRef | None = None,
) -> WorkflowUuid:
    """Keep a workflow that was not accepted yet."""
    with store.writing(durable=True) as writes:
        writes.insert_workflow(new_workflow(inserted, at, instance=instance, parent=parent, app=app))
    return inserted.workflow_uuid


def lines_of(logs: FileLogs, workflow: WorkflowUuid, query: LogQuery | None = None) -> list[str]:
    """The texts of a log."""
    return [line.text for line in logs.read(workflow, query or LogQuery())]


def line(text: str, *, name: str = "a", retry_id: int = 0, seconds: float = 0, system: bool = False) -> LogLine:
    """A log line."""
    return LogLine(at=moment(seconds), task=TaskName(name), retry_id=retry_id, text=text, system=system)


@dataclass(slots=True, kw_only=True)
class Workplace:
    """The parts, put together as `gateway.main` does."""

    store: SqlStore
    logs: FileLogs
    clock: VirtualClock
    runner: DummyRunner
    mirror: Mirror
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def submit(self, *groups: GroupPlan, instance: str | None = "this", name: str = "wf") -> WorkflowUuid:
        """Insert a workflow and have it attended to."""
        made = plan(*groups, name=name, number=next(self.numbers))
        return self.submit_plan(made, instance=instance)

    def submit_plan(self, made: Plan, instance: str | None = "this") -> WorkflowUuid:
        """The same with a ready plan."""
        if instance == "this":
            self.mirror.attend_new(*insert_to(self.mirror, self.store, made, self.clock.now()))
        else:
            self.mirror.attend(insert(self.store, made, self.clock.now(), instance=instance))
        self.settle()
        return made.workflow_uuid

    def cancel(self, workflow: WorkflowUuid, *, force: bool = False, message: str = "") -> None:
        """Ask for a cancel as the use case does."""
        with self.store.writing(durable=True) as writes:
            request = CancelRequested(user="bob", at=self.clock.now(), message=message, force=force)
            writes.request_cancel(workflow, request)
        self.mirror.attend(workflow)
        self.settle()

    def settle(self) -> None:
        """Wait until all that can happen at this moment has happened."""
        assert self.mirror.settle(PATIENCE_SECONDS), "the mirror did not come to rest"

    def advance(self, seconds: float) -> None:
        """Let time pass, the mirror at rest at every alarm."""
        target = self.clock.now() + timedelta(seconds=seconds)
        while (due := self.clock.next_due()) is not None and due <= target:
            self.clock.advance_to(due)
            self.settle()
        self.clock.advance_to(target)
        self.settle()

    def record(self, workflow: WorkflowUuid) -> WorkflowRecord:
        """The row of a workflow."""
        with self.store.reading() as reads:
            found = reads.workflow(workflow)
        assert found is not None
        return found

    def state(self, workflow: WorkflowUuid) -> WorkflowState:
        """The state that the rows hold."""
        with self.store.reading() as reads:
            stored = reads.load_run(workflow)
        assert stored is not None
        return stored.state

    def statuses(self, workflow: WorkflowUuid) -> dict[str, list[TaskStatus]]:
        """Per task the status of each attempt."""
        return {
            name: [attempt.status for attempt in attempts] for name, attempts in self.state(workflow).attempts.items()
        }


@contextmanager
def workplace(
    home: Path,
    scripts: Scripts | None = None,
    *,
    url: str | None = None,
    clock: VirtualClock | None = None,
    runner: DummyRunner | None = None,
    runners: Mapping[str, Runner] | None = None,
    runners_of: Callable[[SqlStore, FileLogs], Mapping[str, Runner]] | None = None,
    roll_bytes: int = ROLL_BYTES,
    start: bool = True,
    leadership_of: Callable[[SqlStore], Leadership] = lambda _: SoleLeader(),
) -> Iterator[Workplace]:
    """A running gateway without HTTP; several may share `home`, one after the other or side by side."""
    clock = clock or VirtualClock(START)
    store = open_store(url or f"sqlite:///{home / 'test.db'}")
    logs = FileLogs(home / "logs", store, roll_bytes=roll_bytes)
    runner = runner or DummyRunner(clock, scripts)
    mirror = Mirror(
        store=store,
        logs=logs,
        runners=runners_of(store, logs) if runners_of is not None else runners or {BACKEND: runner},
        clock=clock,
        ownership=LockedInstance(home / "engines"),
        leadership=leadership_of(store),
    )
    place = Workplace(store=store, logs=logs, clock=clock, runner=runner, mirror=mirror)
    try:
        if start:
            mirror.start()
            place.settle()
        yield place
    finally:
        mirror.stop()
        logs.close()
        store.close()
