"""The engine's loop."""

from __future__ import annotations

import os
import threading

import pytest

from engine.reactor import Reactor


def test_calls_timers_and_descriptors() -> None:
    told: list[str] = []
    turns: list[int] = []
    reactor = Reactor(lambda: turns.append(1))
    readable, writable = os.pipe()

    def on_readable() -> None:
        told.append(os.read(readable, 10).decode())
        reactor.call_later(0.0, lambda: told.append("timer"))
        reactor.call_later(0.01, reactor.end)

    reactor.watch(readable, on_readable)
    cancelled = reactor.call_later(0.0, lambda: told.append("never"))
    cancelled.cancel()
    reactor.post(lambda: told.append("posted"))
    threading.Timer(0.01, os.write, (writable, b"data")).start()
    reactor.run()
    reactor.unwatch(readable)
    reactor.close()
    assert told == ["posted", "data", "timer"]
    assert turns
    for descriptor in (readable, writable):
        os.close(descriptor)


def test_a_failing_action_does_not_stop_the_loop(caplog: pytest.LogCaptureFixture) -> None:
    reactor = Reactor(lambda: None)

    def fail() -> None:
        raise KeyError("bad")

    reactor.post(fail)
    reactor.post(reactor.end)
    reactor.run()
    reactor.close()
    assert "An action of the engine failed" in caplog.text


def test_posting_to_a_closed_loop_does_nothing() -> None:
    reactor = Reactor(lambda: None)
    reactor.close()
    reactor.post(lambda: None)
