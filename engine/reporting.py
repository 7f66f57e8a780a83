"""What the engine has to tell, gathered for a moment, because a sink stores much together as fast as little.

The end of an attempt, for which others may wait, is told at the end of the turn in which it happened, with all that
came before it; the rest a little later. Per workflow first lines, then events, then facts: so all lines of an attempt
are there before the fact of its end.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime

from engine.crashpoints import crash_point
from engine.ports import EventLine, LogLine, Sink
from translator.lifecycle.facts import AnyFact, DataObserved, GroupCleaned, TaskObserved
from translator.plan.model import TaskName, WorkflowUuid

_log = logging.getLogger(__name__)
_LINES_AT_ONCE = 5_000


class Reporter:
    """Gathers for one sink; the engine's thread only."""

    def __init__(self, sink: Sink, now: Callable[[], datetime]) -> None:
        self._sink = sink
        self.now = now
        self._facts: dict[WorkflowUuid, list[AnyFact]] = defaultdict(list)
        self._lines: dict[WorkflowUuid, list[LogLine]] = defaultdict(list)
        self._events: dict[WorkflowUuid, list[EventLine]] = defaultdict(list)
        self._line_count = 0
        self._awaited = False

    @property
    def untold(self) -> bool:
        """Whether something waits to be told (again)."""
        return bool(self._facts or self._events or self._lines)

    @property
    def urgent(self) -> bool:
        """Whether that should not wait any longer."""
        return self._awaited or self._line_count >= _LINES_AT_ONCE

    def fact(self, workflow: WorkflowUuid, fact: AnyFact) -> None:
        """Tell a fact."""
        self._facts[workflow].append(fact)
        can_wait = isinstance(fact, DataObserved | GroupCleaned)
        can_wait = can_wait or (isinstance(fact, TaskObserved) and not fact.status.finished)
        self._awaited |= not can_wait

    def lines(self, workflow: WorkflowUuid, lines: list[LogLine]) -> None:
        """Tell log lines."""
        if lines:
            self._lines[workflow] += lines
            self._line_count += len(lines)

    def event(self, workflow: WorkflowUuid, event: EventLine) -> None:
        """Tell an event."""
        self._events[workflow].append(event)

    def flush_lines(self, workflow: WorkflowUuid) -> None:
        """Hand over the log lines of a workflow: before something is put on record that says there are no more."""
        if lines := self._lines.pop(workflow, None):
            self._line_count = sum(map(len, self._lines.values()))
            self._guarded(lambda: self._sink.lines(workflow, lines), "log lines", workflow)

    def flush(self) -> None:
        """Hand everything to the sink. Facts that it did not take are kept for the next time."""
        self._awaited, self._line_count = False, 0
        for workflow in [*self._lines]:
            self.flush_lines(workflow)
        for workflow in [*self._events]:
            events = self._events.pop(workflow)
            self._guarded(lambda: self._sink.events(workflow, events), "events", workflow)  # noqa: B023  called at once
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
