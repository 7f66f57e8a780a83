"""News are handed on together, in order, and all of them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime

from engine.ports import EventLine, LogLine
from gateway.runners.argo.pulse import Pulse
from translator.lifecycle.facts import AnyFact, Tick
from translator.plan.model import TaskName, WorkflowUuid

ONE, OTHER = WorkflowUuid("1"), WorkflowUuid("2")


class Heard:
    """A sink that notes what it gets, and can be made to wait."""

    def __init__(self) -> None:
        self.calls: list[tuple[WorkflowUuid, list[int]]] = []
        self.noted: list[EventLine] = []
        self.lines_of: list[LogLine] = []
        self.came = threading.Semaphore(0)
        self.open = threading.Event()
        self.open.set()

    def facts(self, workflow: WorkflowUuid, facts: Sequence[AnyFact]) -> None:
        self.open.wait(10)
        self.calls.append((workflow, [fact.at.second for fact in facts if isinstance(fact, Tick)]))
        self.came.release()

    def facts_of_many(self, facts: Mapping[WorkflowUuid, Sequence[AnyFact]]) -> None:
        for workflow, some in facts.items():
            self.facts(workflow, some)

    def lines(self, workflow: WorkflowUuid, lines: Sequence[LogLine]) -> None:
        self.lines_of.extend(lines)

    def events(self, workflow: WorkflowUuid, events: Sequence[EventLine]) -> None:
        self.noted.extend(events)


def tick(second: int) -> Tick:
    return Tick(at=datetime(2026, 1, 1, 0, 0, second))


def test_what_comes_while_it_rests_goes_together() -> None:
    heard, asked = Heard(), list[str]()
    pulse: Pulse[str] = Pulse(heard, asked.append, 3600, "pulse")
    pulse.start()
    pulse.facts(ONE, [tick(1)])
    assert heard.came.acquire(timeout=10)
    for second in (2, 3):
        pulse.facts(ONE, [tick(second)])
        pulse.facts(OTHER, [tick(second)])
        pulse.look_at("run")
    pulse.events(ONE, [EventLine(at=datetime(2026, 1, 1), task=TaskName("a"), retry_id=0, reason="r", message="m")])
    pulse.stop()
    assert heard.calls == [(ONE, [1]), (ONE, [2, 3]), (OTHER, [2, 3])]
    assert asked == ["run"]
    assert len(heard.noted) == 1


def test_lines_do_not_wait() -> None:
    """All lines of an attempt come before the fact of its end (engine/ports.py)."""
    heard = Heard()
    pulse: Pulse[str] = Pulse(heard, lambda _: None, 3600, "pulse")
    pulse.lines(ONE, [LogLine(at=datetime(2026, 1, 1), task=TaskName("a"), retry_id=0, text="hello")])
    assert [line.text for line in heard.lines_of] == ["hello"]


def test_who_awaits_a_beat_waits_until_all_was_handed_on() -> None:
    heard = Heard()
    heard.open.clear()
    drawn: list[str] = []
    pulse: Pulse[str] = Pulse(heard, lambda _: None, 0, "pulse", lambda: drawn.append("drawn"))
    pulse.start()
    pulse.facts(ONE, [tick(1)])
    thread = threading.Thread(target=pulse.await_beat)
    thread.start()
    thread.join(0.2)
    assert thread.is_alive()
    heard.open.set()
    thread.join(10)
    assert not thread.is_alive()
    assert (heard.calls, drawn[0]) == ([(ONE, [1])], "drawn")
    pulse.stop()


def test_nobody_waits_for_a_pulse_that_has_ended() -> None:
    pulse: Pulse[str] = Pulse(Heard(), lambda _: None, 0, "pulse")
    pulse.start()
    pulse.stop()
    pulse.await_beat()


def test_what_is_drawn_goes_with_the_beat_that_drew_it() -> None:
    heard = Heard()
    waiting = [tick(2), tick(1)]

    def draw() -> None:
        while waiting:
            pulse.facts(ONE, [waiting.pop()])

    pulse: Pulse[str] = Pulse(heard, lambda _: None, 3600, "pulse", draw)
    pulse.start()
    pulse.wake()
    assert heard.came.acquire(timeout=10)
    assert heard.calls == [(ONE, [1, 2])]
    pulse.stop()


def test_a_feed_that_is_full_and_a_reader_that_lists_do_not_wait_for_each_other() -> None:
    """Whoever hands something in may hold what the pulse needs to draw."""
    held = threading.RLock()
    heard = Heard()

    def draw() -> None:
        with held:
            pass

    pulse: Pulse[str] = Pulse(heard, lambda _: None, 0, "pulse", draw)
    pulse.start()
    with held:
        for _ in range(300):
            pulse.facts(ONE, [tick(1)] * 100)
    pulse.await_beat()
    pulse.stop()
    assert sum(len(seconds) for _, seconds in heard.calls) == 30_000
