"""What the engine tells, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pytest

from engine.ports import EventLine, LogLine
from engine.reporting import AttemptVoice, Reporter
from translator.lifecycle.facts import AnyFact, GroupCleaned, TaskObserved
from translator.lifecycle.words import TaskStatus
from translator.plan.model import GroupName, TaskName, WorkflowUuid

NOW = datetime(2026, 1, 1)
W = WorkflowUuid("w")


class Listener:
    """A sink that writes down what it hears, and can be made to fail."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.deaf = False

    def facts(self, workflow: WorkflowUuid, facts: Sequence[AnyFact]) -> None:
        """Take facts."""
        if self.deaf:
            raise OSError("the database is away")
        self.heard += [f"{workflow} {getattr(fact, 'group', '')}" for fact in facts]

    def lines(self, workflow: WorkflowUuid, lines: Sequence[LogLine]) -> None:
        """Take lines."""
        self.heard += [f"{workflow} {line.text}" for line in lines]

    def events(self, workflow: WorkflowUuid, events: Sequence[EventLine]) -> None:
        """Take events."""
        self.heard += [f"{workflow} {event.reason}" for event in events]


def fact(name: str) -> GroupCleaned:
    """A fact with a name."""
    return GroupCleaned(group=GroupName(name), at=NOW)


def test_lines_come_before_facts() -> None:
    """All lines of an attempt before the fact of its end."""
    listener = Listener()
    reporter = Reporter(listener, lambda: NOW)
    voice = AttemptVoice(reporter, W, TaskName("t"), 1)
    voice.fact(fact("end"))
    voice.event("Killing", "x")
    voice.program(["line"])
    voice.system("ours")
    reporter.flush()
    reporter.flush()
    assert listener.heard == ["w line", "w ours", "w Killing", "w end"]


def test_facts_that_were_not_taken_are_told_again_in_order(caplog: pytest.LogCaptureFixture) -> None:
    listener = Listener()
    reporter = Reporter(listener, lambda: NOW)
    reporter.fact(W, fact("one"))
    listener.deaf = True
    reporter.flush()
    assert reporter.untold
    reporter.fact(W, fact("two"))
    listener.deaf = False
    reporter.flush()
    assert not reporter.untold
    assert listener.heard == ["w one", "w two"]
    assert "did not take facts" in caplog.text


def test_only_an_end_is_urgent() -> None:
    """What nobody waits for may be gathered for a moment; very many lines are not."""
    reporter = Reporter(Listener(), lambda: NOW)
    voice = AttemptVoice(reporter, W, TaskName("t"), 0)
    assert not reporter.untold
    voice.fact(TaskObserved(task=TaskName("t"), retry_id=0, status=TaskStatus.RUNNING, at=NOW))
    voice.event("Started", "x")
    voice.program(["line"])
    voice.fact(fact("cleaned"))
    assert reporter.untold
    assert not reporter.urgent
    voice.fact(TaskObserved(task=TaskName("t"), retry_id=0, status=TaskStatus.COMPLETED, at=NOW, exit_code=0))
    assert reporter.urgent
    reporter.flush()
    assert not reporter.urgent
    assert not reporter.untold
    voice.program(["line"] * 10_000)
    assert reporter.urgent
