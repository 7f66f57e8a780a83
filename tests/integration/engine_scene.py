"""An engine with hand-made Plans and a sink that remembers, so that a test says what happens and waits for it."""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from engine.isolating import IsolationUnavailable
from engine.local import Engine
from engine.machine import Machine
from engine.ports import EventLine, LogLine, Run, Secret
from engine.settings import EngineSettings, IsolationChoice
from translator.lifecycle.effects import AnyEffect, CreateGroup, DeleteGroup
from translator.lifecycle.facts import AnyFact, DataObserved, GroupCleaned, TaskObserved
from translator.lifecycle.words import TaskStatus
from translator.plan.model import GroupName, GroupPlan, Plan, TaskName, TaskPlan, WorkflowId, WorkflowUuid

MACHINE = Machine(name="here", cpu=4.0, memory_bytes=1 << 34, gpus=("0", "1"))
_PATIENCE_SECONDS = 20.0
_Value = TypeVar("_Value")


class Memory:
    """A sink that remembers everything, and wakes who waits for something."""

    def __init__(self) -> None:
        self.all_facts: list[tuple[WorkflowUuid, AnyFact]] = []
        self.all_lines: list[tuple[WorkflowUuid, LogLine]] = []
        self.all_events: list[tuple[WorkflowUuid, EventLine]] = []
        self.story: list[AnyFact | LogLine] = []
        self._changed = threading.Condition()

    def facts(self, workflow: WorkflowUuid, facts: Sequence[AnyFact]) -> None:
        """Take facts."""
        with self._changed:
            self.all_facts += [(workflow, fact) for fact in facts]
            self.story += facts
            self._changed.notify_all()

    def facts_of_many(self, facts: Mapping[WorkflowUuid, Sequence[AnyFact]]) -> None:
        """Take facts of several workflows."""
        for workflow, some in facts.items():
            self.facts(workflow, some)

    def lines(self, workflow: WorkflowUuid, lines: Sequence[LogLine]) -> None:
        """Take log lines."""
        with self._changed:
            self.all_lines += [(workflow, line) for line in lines]
            self.story += lines
            self._changed.notify_all()

    def events(self, workflow: WorkflowUuid, events: Sequence[EventLine]) -> None:
        """Take events."""
        with self._changed:
            self.all_events += [(workflow, event) for event in events]
            self._changed.notify_all()

    def wait(self, wanted: Callable[[], _Value], seconds: float = _PATIENCE_SECONDS) -> _Value:
        """Wait until something is true, and return it."""
        with self._changed:
            if not self._changed.wait_for(lambda: bool(wanted()), seconds):
                told = "\n".join(map(str, [*self.story, *(event for _, event in self.all_events)]))
                raise AssertionError(f"Waited in vain; what was told:\n{told}")
            return wanted()

    def seen(self, task: str, retry_id: int = 0) -> list[TaskObserved]:
        """What was told of an attempt."""
        return [
            fact
            for _, fact in self.all_facts
            if isinstance(fact, TaskObserved) and (fact.task, fact.retry_id) == (task, retry_id)
        ]

    def statuses(self, task: str, retry_id: int = 0) -> list[TaskStatus]:
        """The statuses that were told of an attempt."""
        return [fact.status for fact in self.seen(task, retry_id)]

    def end(self, task: str, retry_id: int = 0) -> TaskObserved:
        """Wait for the end of an attempt."""
        return self.wait(lambda: [f for f in self.seen(task, retry_id) if f.status.finished])[0]

    def cleaned(self, group: str) -> list[GroupCleaned]:
        """The times that a group was told to be clean."""
        return [fact for _, fact in self.all_facts if isinstance(fact, GroupCleaned) and fact.group == group]

    def data(self, task: str) -> list[DataObserved]:
        """What was told of a task's data."""
        return [fact for _, fact in self.all_facts if isinstance(fact, DataObserved) and fact.task == task]

    def log(self, task: str, retry_id: int | None = None) -> list[str]:
        """The lines that the program of a task wrote."""
        return [
            line.text
            for _, line in self.all_lines
            if line.task == task and not line.system and retry_id in (None, line.retry_id)
        ]

    def system_log(self, task: str) -> list[str]:
        """Our own lines about a task."""
        return [line.text for _, line in self.all_lines if line.task == task and line.system]

    def events_of(self, task: str) -> list[str]:
        """The reasons of a task's events."""
        return [event.reason for _, event in self.all_events if event.task == task]


class Router:
    """A sink that gives every workflow a memory of its own."""

    def __init__(self) -> None:
        self._memories: dict[WorkflowUuid, Memory] = defaultdict(Memory)
        self._lock = threading.Lock()

    def of(self, workflow: WorkflowUuid) -> Memory:
        """The memory of a workflow."""
        # The engine's threads and the test's may be the first to ask at the same time.
        with self._lock:
            return self._memories[workflow]

    def facts(self, workflow: WorkflowUuid, facts: Sequence[AnyFact]) -> None:
        """Take facts."""
        self.of(workflow).facts(workflow, facts)

    def lines(self, workflow: WorkflowUuid, lines: Sequence[LogLine]) -> None:
        """Take log lines."""
        self.of(workflow).lines(workflow, lines)

    def events(self, workflow: WorkflowUuid, events: Sequence[EventLine]) -> None:
        """Take events."""
        self.of(workflow).events(workflow, events)


class Scene:
    """An engine at work on workflows."""

    def __init__(self, engine: Engine, router: Router, root: Path) -> None:
        self.engine = engine
        self.router = router
        self.root = root

    def run(self, run: Run) -> Memory:
        """Admit a workflow and create all its groups at once; nobody looks at what depends on what."""
        self.engine.admit(run)
        self.engine.apply(run, [CreateGroup(group=group.name) for group in run.plan.groups])
        return self.memory(run)

    def memory(self, run: Run) -> Memory:
        """What was told about a workflow."""
        return self.router.of(run.plan.workflow_uuid)

    def apply(self, run: Run, *effects: AnyEffect) -> None:
        """Carry out effects."""
        self.engine.apply(run, effects)

    def delete(self, run: Run, *, force: bool = False) -> None:
        """Delete all groups and wait until they are clean."""
        memory = self.memory(run)
        before = {group.name: len(memory.cleaned(group.name)) for group in run.plan.groups}
        self.engine.apply(run, [DeleteGroup(group=group.name, force=force) for group in run.plan.groups])
        memory.wait(lambda: all(len(memory.cleaned(name)) > count for name, count in before.items()))

    def box(self, run: Run, name: str, retry_id: int = 0) -> Path:
        """Where an attempt writes."""
        return self.root / "runs" / run.plan.workflow_uuid / f"{name}~{retry_id}" / "box"


def engine_settings(root: Path, **changes: object) -> EngineSettings:
    """Settings for a test: a machine of four cores, a short grace."""
    settings = EngineSettings(root=root, machine=MACHINE, grace_seconds=5.0, takeover_seconds=10.0)
    return replace(settings, **changes)  # type: ignore[arg-type]


@contextmanager
def scene(root: Path, **changes: object) -> Iterator[Scene]:
    """A running engine, stopped at the end; the test is skipped where the machine does not allow the isolation."""
    router = Router()
    engine = Engine(engine_settings(root, **changes), router)
    try:
        engine.start()
    except IsolationUnavailable as error:
        pytest.skip(str(error))
    try:
        yield Scene(engine, router, root)
    finally:
        engine.stop()


def task(name: str, *command: str, **fields: object) -> TaskPlan:
    """A task; `sh -c` of a command that is one word."""
    argv = ("sh", "-c", *command) if len(command) == 1 else command
    base = TaskPlan(name=TaskName(name), uuid=f"uuid-{name}", lead=False, image="image", command=argv)
    return msgspec.structs.replace(base, **fields)


def group(name: str, *tasks: TaskPlan, **fields: object) -> GroupPlan:
    """A group; its first task is the lead."""
    members = tuple(msgspec.structs.replace(member, lead=member is tasks[0]) for member in tasks)
    base = GroupPlan(name=GroupName(name), uuid=f"uuid-{name}", tasks=members)
    return msgspec.structs.replace(base, **fields)


_numbers = itertools.count(1)


def run(*groups: GroupPlan | TaskPlan, credentials: Mapping[str, Mapping[str, str]] | None = None) -> Run:
    """A workflow in hand, with an id that no other has; a task alone is a group of its own."""
    number = next(_numbers)
    whole = (one if isinstance(one, GroupPlan) else group(f"{one.name}-group", one) for one in groups)
    plan = Plan(
        name="wf",
        workflow_id=WorkflowId(f"wf-{number}"),
        workflow_uuid=WorkflowUuid(f"{number:032x}"),
        owner="tester",
        pool="default",
        backend="local",
        groups=tuple(whole),
    )
    secrets = {
        name: {key: Secret(value) for key, value in values.items()} for name, values in (credentials or {}).items()
    }
    return Run(plan=plan, credentials=secrets)


ISOLATIONS = [
    IsolationChoice.PLAIN,
    *([IsolationChoice.OVERLAY, IsolationChoice.BUBBLEWRAP] if sys.platform == "linux" else []),
]


def eventually(wanted: Callable[[], object], seconds: float = _PATIENCE_SECONDS) -> None:
    """Wait until something that no sink tells is true."""
    deadline = time.monotonic() + seconds
    while not wanted():
        assert time.monotonic() < deadline, "Waited in vain"
        time.sleep(0.005)
