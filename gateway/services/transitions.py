"""Counts what runners report, for metrics, without the runners or the mirror knowing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from engine.ports import EventLine, LogLine, Run
from gateway.ports.runner import Reports, Runner
from translator.lifecycle.effects import AnyEffect
from translator.lifecycle.facts import AnyFact, TaskObserved
from translator.lifecycle.state import WorkflowState
from translator.lifecycle.words import TaskStatus
from translator.plan.model import WorkflowUuid


class Transitions:
    """How often attempts were reported in each status since the start."""

    def __init__(self) -> None:
        # Additions to one counter from several threads may lose some under rare circumstances; metrics bear that.
        self._counts: Counter[TaskStatus] = Counter()

    def add(self, facts: Sequence[AnyFact]) -> None:
        """Count the reports among these facts."""
        for fact in facts:
            if isinstance(fact, TaskObserved):
                self._counts[fact.status] += 1

    def by_status(self) -> Mapping[str, int]:
        """The counts by status word."""
        return {status.value: count for status, count in self._counts.items()}


class CountedRunner:
    """A runner whose reports are counted. Implements `gateway.ports.runner.Runner`."""

    def __init__(self, runner: Runner, transitions: Transitions) -> None:
        self._runner = runner
        self._transitions = transitions

    def start(self, sink: Reports) -> None:
        """Begin to work and to report."""
        self._runner.start(_CountingSink(sink, self._transitions))

    def admit(self, run: Run) -> None:
        """Make a workflow known."""
        self._runner.admit(run)

    def apply(self, run: Run, effects: Sequence[AnyEffect]) -> None:
        """Carry out effects."""
        self._runner.apply(run, effects)

    def recover(self, run: Run, state: WorkflowState) -> None:
        """Take up an unfinished workflow."""
        self._runner.recover(run, state)

    def forget(self, run: Run) -> None:
        """Drop what is held of a sealed workflow."""
        self._runner.forget(run)

    def stop(self) -> None:
        """End local work and report it."""
        self._runner.stop()


class _CountingSink:
    def __init__(self, sink: Reports, transitions: Transitions) -> None:
        self._sink = sink
        self._transitions = transitions

    def facts(self, workflow: WorkflowUuid, facts: Sequence[AnyFact]) -> None:
        self._transitions.add(facts)
        self._sink.facts(workflow, facts)

    def facts_of_many(self, facts: Mapping[WorkflowUuid, Sequence[AnyFact]]) -> None:
        for some in facts.values():
            self._transitions.add(some)
        self._sink.facts_of_many(facts)

    def lines(self, workflow: WorkflowUuid, lines: Sequence[LogLine]) -> None:
        self._sink.lines(workflow, lines)

    def events(self, workflow: WorkflowUuid, events: Sequence[EventLine]) -> None:
        self._sink.events(workflow, events)
