"""Reports of runners are counted on their way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from engine.ports import EventLine, LogLine, Run
from gateway.ports.runner import Reports
from gateway.services.transitions import CountedRunner, Transitions
from translator.lifecycle.effects import AnyEffect
from translator.lifecycle.facts import AnyFact, GroupCleaned, TaskObserved
from translator.lifecycle.state import WorkflowState
from translator.lifecycle.words import TaskStatus
from translator.plan.model import GroupName, TaskName, WorkflowUuid

NOW = datetime(2026, 1, 1)
UUID = WorkflowUuid("a" * 32)


class Reporting:
    """A runner that reports as soon as it is started."""

    def start(self, sink: Reports) -> None:
        running = [
            TaskObserved(task=TaskName(name), retry_id=0, status=TaskStatus.RUNNING, at=NOW) for name in ("t", "u")
        ]
        sink.facts(UUID, running)
        sink.facts_of_many({UUID: [running[0], GroupCleaned(group=GroupName("g"), at=NOW)]})
        sink.lines(UUID, [LogLine(at=NOW, task=TaskName("t"), retry_id=0, text="x")])
        sink.events(UUID, [EventLine(at=NOW, task=TaskName("t"), retry_id=0, reason="R", message="m")])

    def admit(self, run: Run) -> None: ...

    def apply(self, run: Run, effects: Sequence[AnyEffect]) -> None: ...

    def recover(self, run: Run, state: WorkflowState) -> None: ...

    def forget(self, run: Run) -> None: ...

    def stop(self) -> None: ...


class Keeping:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.got: list[object] = []

    def facts(self, workflow: WorkflowUuid, facts: Sequence[AnyFact]) -> None:
        self.got += facts

    def facts_of_many(self, facts: Mapping[WorkflowUuid, Sequence[AnyFact]]) -> None:
        for some in facts.values():
            self.got += some

    def lines(self, workflow: WorkflowUuid, lines: Sequence[LogLine]) -> None:
        self.got += lines

    def events(self, workflow: WorkflowUuid, events: Sequence[EventLine]) -> None:
        self.got += events


def test_reports_are_counted_by_status_and_handed_on() -> None:
    transitions, sink = Transitions(), Keeping()
    CountedRunner(Reporting(), transitions).start(sink)
    assert transitions.by_status() == {"RUNNING": 3}
    assert len(sink.got) == 6
