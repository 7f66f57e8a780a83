"""What the engine has to tell, gathered during a turn of its loop and told at the end of it.

Told together, so that a sink can store it together; per workflow first lines, then events, then facts: so all lines
of an attempt are there before the fact of its end.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime

from engine.crashpoints import crash_point
from engine.ports import EventLine, LogLine, Sink
from translator.lifecycle.facts import AnyFact
from translator.plan.model import TaskName, WorkflowUuid

_log = logging.getLogger(__name__)


class Reporter:
    """Gathers for one sink; the engine's thread only."""

    def __init__(self, sink: Sink, now: Callable[[], datetime]) -> None:
        self._sink = sink
        self.now = now
        self._facts: dict[WorkflowUuid, list[AnyFact]] = defaultdict(list)
        self._lines: dict[WorkflowUuid, list[LogLine]] = defaultdict(list)
        self._events: dict[WorkflowUuid, list[EventLine]] = defaultdict(list)

    @property
    def untold(self) -> bool:
        """Whether facts wait to be told (again)."""
        return bool(self._facts)

    def fact(self, workflow: WorkflowUuid, fact: AnyFact) -> None:
        """Tell a fact."""
        self._facts[workflow].append(fact)

    def lines(self, workflow: WorkflowUuid, lines: list[LogLine]) -> None:
        """Tell log lines."""
        if lines:
            self._lines[workflow] += lines

    def event(self, workflow: WorkflowUuid, event: EventLine) -> None:
        """Tell an event."""
        self._events[workflow].append(event)

    def flush(self) -> None:
        """Hand everything to the sink. Facts that it did not take are kept for the next time."""
        for workflow in [*self._lines]:
            lines = self._lines.pop(workflow)
            self._guarded(lambda: self._sink.lines(workflow, lines), "log lines", workflow)  # noqa: B023  called at once
        for workflow in [*self._events]:
            events = self._events.pop(workflow)
            self._guarded(lambda: self._sink.events(workflow, events), "events", workflow)  # noqa: B023
        for workflow in [*self._facts]:
            facts = self._facts.pop(workflow)
            crash_point("facts.before")
            if self._guarded(lambda: self._sink.facts(workflow, facts), "facts", workflow):  # noqa: B023
                crash_point("facts.after")
            else:
                self._facts[workflow] = facts + self._facts.pop(workflow, [])

    def _guarded(self, tell: Callable[[], None], what: str, workflow: WorkflowUuid) -> bool:
        try:
            tell()
        except Exception:  # noqa: BLE001  what one sink refuses must not stop all tasks
            _log.exception("The sink did not take %s of workflow %s", what, workflow)
            return False
        return True


class AttemptVoice:
    """Speaks for one attempt."""

    def __init__(self, reporter: Reporter, workflow: WorkflowUuid, task: TaskName, retry_id: int) -> None:
        self._reporter = reporter
        self.workflow = workflow
        self.task = task
        self.retry_id = retry_id

    def now(self) -> datetime:
        """The time, as facts have it."""
        return self._reporter.now()

    def fact(self, fact: AnyFact) -> None:
        """Tell a fact."""
        self._reporter.fact(self.workflow, fact)

    def program(self, texts: list[str]) -> None:
        """Tell lines of the program."""
        self._lines(texts, system=False)

    def system(self, *texts: str) -> None:
        """Tell lines of ours."""
        self._lines(list(texts), system=True)

    def event(self, reason: str, message: str) -> None:
        """Tell an event."""
        event = EventLine(at=self.now(), task=self.task, retry_id=self.retry_id, reason=reason, message=message)
        self._reporter.event(self.workflow, event)

    def _lines(self, texts: list[str], *, system: bool) -> None:
        at, task, retry_id = self.now(), self.task, self.retry_id
        self._reporter.lines(
            self.workflow,
            [LogLine(at=at, task=task, retry_id=retry_id, text=text, system=system) for text in texts],
        )
