"""Clocks: alarms ring once, in order, and not before their time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from structlog.typing import EventDict

from gateway.mirror.clock import SystemClock, VirtualClock
from gateway.ports.clock import Clock
from tests.workplace import PATIENCE_SECONDS, START, moment


def test_virtual_alarms_ring_in_the_order_of_their_times() -> None:
    clock = VirtualClock(START)
    rung: list[tuple[str, object]] = []

    def note(name: str) -> Callable[[], None]:
        return lambda: rung.append((name, clock.now()))

    clock.call_at(moment(20), note("later"))
    clock.call_at(moment(10), note("sooner"))
    clock.call_at(moment(10), note("sooner too"))
    cancelled = clock.call_at(moment(15), note("never"))
    cancelled.cancel()
    clock.advance(timedelta(seconds=9))
    assert rung == []
    clock.advance(timedelta(seconds=100))
    assert rung == [("sooner", moment(10)), ("sooner too", moment(10)), ("later", moment(20))]
    assert clock.now() == moment(109)
    cancelled.cancel()


def test_a_virtual_alarm_that_is_due_rings_at_once_and_once() -> None:
    clock = VirtualClock(START)
    rung: list[int] = []
    clock.call_at(START, lambda: rung.append(1))
    assert rung == [1]
    clock.advance(timedelta(seconds=1))
    assert rung == [1]


def test_an_alarm_may_ask_for_another() -> None:
    clock = VirtualClock(START)
    rung: list[object] = []

    def again() -> None:
        rung.append(clock.now())
        if len(rung) < 3:
            clock.call_at(clock.now() + timedelta(seconds=5), again)

    clock.call_at(moment(5), again)
    clock.advance_to(moment(60))
    assert rung == [moment(5), moment(10), moment(15)]


def fail() -> None:
    """An alarm that goes wrong."""
    raise RuntimeError("on purpose")


@pytest.mark.parametrize("clock", [VirtualClock(START), SystemClock()])
def test_an_alarm_that_fails_does_not_stop_the_clock(clock: Clock, records: list[EventDict]) -> None:
    rung = threading.Event()
    clock.call_at(clock.now(), fail)
    clock.call_at(clock.now(), rung.set)
    assert rung.wait(PATIENCE_SECONDS)
    assert [record["event"] for record in records] == ["alarm failed"]


def test_the_system_clock_rings_by_itself() -> None:
    clock = SystemClock()
    order: list[str] = []
    done = threading.Event()
    clock.call_at(clock.now() + timedelta(hours=1), lambda: order.append("never"))
    clock.call_at(clock.now() + timedelta(milliseconds=30), done.set)
    clock.call_at(clock.now() + timedelta(milliseconds=10), lambda: order.append("first"))
    assert done.wait(PATIENCE_SECONDS)
    assert order == ["first"]
    clock.close()
    assert clock.now().tzinfo is None
