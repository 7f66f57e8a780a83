"""How long the local engine takes for a task that does nothing, and how many it starts side by side."""

from __future__ import annotations

import itertools
import logging
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from engine.local import Engine
from engine.ports import EventLine, LogLine, Run
from engine.settings import EngineSettings, IsolationChoice
from translator.lifecycle.effects import CreateGroup, DeleteGroup, Seal
from translator.lifecycle.facts import AnyFact, GroupCleaned, TaskObserved
from translator.lifecycle.words import TaskStatus
from translator.plan.model import (
    GroupName,
    GroupPlan,
    Plan,
    ResourceRequest,
    TaskName,
    TaskPlan,
    WorkflowId,
    WorkflowUuid,
)

SEQUENTIAL = 200
WIDE = 1000
_numbers = itertools.count(1)


class Ends:
    """A sink that counts ends and clean groups."""

    def __init__(self) -> None:
        self.ended = threading.Semaphore(0)
        self.cleaned = threading.Semaphore(0)

    def facts(self, workflow: WorkflowUuid, facts: Sequence[AnyFact]) -> None:
        """Count."""
        for fact in facts:
            if isinstance(fact, TaskObserved) and fact.status.finished:
                assert fact.status is TaskStatus.COMPLETED, fact
                self.ended.release()
            elif isinstance(fact, GroupCleaned):
                self.cleaned.release()

    def lines(self, workflow: WorkflowUuid, lines: Sequence[LogLine]) -> None:
        """Nothing."""

    def events(self, workflow: WorkflowUuid, events: Sequence[EventLine]) -> None:
        """Nothing."""


def workflow(width: int) -> Run:
    """A workflow of `width` groups of one task each that does nothing."""
    number = next(_numbers)
    groups = tuple(
        GroupPlan(
            name=GroupName(f"g{index}"),
            uuid=f"{index}",
            tasks=(
                TaskPlan(
                    name=TaskName(f"t{index}"),
                    uuid=f"{index}",
                    lead=True,
                    image="image",
                    command=("true",),
                    resources=ResourceRequest(cpu=1, memory_bytes=1 << 20),
                ),
            ),
        )
        for index in range(width)
    )
    plan = Plan(
        name="bench",
        workflow_id=WorkflowId(f"bench-{number}"),
        workflow_uuid=WorkflowUuid(f"{number:032x}"),
        owner="bench",
        pool="default",
        backend="local",
        groups=groups,
    )
    return Run(plan=plan)


def finish(engine: Engine, ends: Ends, run: Run) -> None:
    """Clean a workflow up."""
    engine.apply(run, [*(DeleteGroup(group=group.name) for group in run.plan.groups), Seal()])
    for _ in run.plan.groups:
        ends.cleaned.acquire()
    engine.forget(run)


def measure(isolation: IsolationChoice) -> None:
    """Print the figures for one isolation."""
    with tempfile.TemporaryDirectory() as directory:
        ends = Ends()
        engine = Engine(EngineSettings(root=Path(directory), isolation=isolation), ends)
        began = time.perf_counter()
        engine.start()
        print(f"{engine.isolation}: start of the engine {(time.perf_counter() - began) * 1000:.0f} ms")
        runs = [workflow(1) for _ in range(SEQUENTIAL)]
        took = []
        for run in runs:
            began = time.perf_counter()
            engine.apply(run, [CreateGroup(group=run.plan.groups[0].name)])
            ends.ended.acquire()
            took.append((time.perf_counter() - began) * 1000)
        median, most = statistics.median(took), statistics.quantiles(took, n=10)[-1]
        print(f"  one after the other: {median:.1f} ms a task (nine in ten below {most:.1f} ms, {SEQUENTIAL} tasks)")
        for run in runs:
            finish(engine, ends, run)
        wide = workflow(WIDE)
        began = time.perf_counter()
        engine.apply(wide, [CreateGroup(group=group.name) for group in wide.plan.groups])
        for _ in range(WIDE):
            ends.ended.acquire()
        print(f"  side by side: {WIDE / (time.perf_counter() - began):.0f} tasks/s ({WIDE} tasks, 1 CPU each)")
        finish(engine, ends, wide)
        began = time.perf_counter()
        engine.stop()
        print(f"  stop of the engine {(time.perf_counter() - began) * 1000:.0f} ms")


def main() -> None:
    """Measure each isolation that this machine allows."""
    logging.disable(logging.WARNING)
    for isolation in (IsolationChoice.AUTO, IsolationChoice.PLAIN):
        measure(isolation)


if __name__ == "__main__":
    main()
