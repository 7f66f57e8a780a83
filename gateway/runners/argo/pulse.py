"""Hands on what many changes on a cluster led to together, since one write of a hundred facts costs less than ten.

What comes after a quiet moment is handed on at once; after that, what comes within `rest_seconds` waits for the others.
Of each workflow the order is kept.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from engine.ports import EventLine, LogLine
from gateway.ports.runner import Reports
from translator.lifecycle.facts import AnyFact
from translator.plan.model import WorkflowUuid

_Item = TypeVar("_Item", bound=Hashable)


class Pulse(Generic[_Item]):
    """Implements `engine.ports.Sink` before another one. Call `start` once and `stop` once; safe from any thread.

    Shape: `ask` is called for each item that was to be looked at; `draw` before anything is handed on: it brings what
    waits elsewhere, of which `wake` told. Nobody waits who hands something in, since he may hold what `draw` needs;
    who brings much calls `await_beat` now and then, holding nothing.
    """

    def __init__(
        self,
        sink: Reports,
        ask: Callable[[_Item], None],
        rest_seconds: float,
        name: str,
        draw: Callable[[], None] = lambda: None,
    ) -> None:
        self._sink = sink
        self._ask = ask
        self._draw = draw
        self._rest_seconds = rest_seconds
        self._changed = threading.Condition()
        self._facts: dict[WorkflowUuid, list[AnyFact]] = {}
        self._events: dict[WorkflowUuid, list[EventLine]] = {}
        self._items: dict[_Item, None] = {}
        self._size = 0
        self._woken = False
        # Beats, counted.
        self._begun = 0
        self._ended = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout_seconds: float = 10.0) -> None:
        """Hand on what is left, and end."""
        self._stopped.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)

    def facts(self, workflow: WorkflowUuid, facts: Sequence[AnyFact]) -> None:
        """Take facts in order."""
        with self._changed:
            self._facts.setdefault(workflow, []).extend(facts)
            self._grow(len(facts))

    def events(self, workflow: WorkflowUuid, events: Sequence[EventLine]) -> None:
        """Take events."""
        with self._changed:
            self._events.setdefault(workflow, []).extend(events)
            self._grow(len(events))

    def lines(self, workflow: WorkflowUuid, lines: Sequence[LogLine]) -> None:
        """Hand on log lines, which are written before the end of their task is told."""
        self._sink.lines(workflow, lines)

    def look_at(self, item: _Item) -> None:
        """Have an item looked at."""
        with self._changed:
            if item not in self._items:
                self._items[item] = None
                self._grow(0)

    def wake(self) -> None:
        """Have `draw` called soon."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def await_beat(self) -> None:
        """Wait until what has come so far, here and elsewhere, was handed on."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()
            # One that is under way may have passed by what is meant.
            wanted = self._begun + 1
            while self._ended < wanted and self._thread.is_alive():
                self._changed.wait(1.0)

    def _grow(self, size: int) -> None:
        was_empty = not self._size and len(self._items) < 2
        self._size += size
        if was_empty:
            self._changed.notify_all()

    def _run(self) -> None:
        while not self._stopped.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._woken or self._size or self._items or self._stopped.is_set())
            self.flush()
            self._stopped.wait(self._rest_seconds)
        self.flush()

    def flush(self) -> None:
        """Hand on what has come so far."""
        with self._changed:
            self._woken = False
            self._begun += 1
            beat = self._begun
        self._draw()
        with self._changed:
            facts, self._facts = self._facts, {}
            events, self._events = self._events, {}
            items, self._items = self._items, {}
            self._size = 0
            self._changed.notify_all()
        if facts:
            self._sink.facts_of_many(facts)
        for workflow, lines in events.items():
            self._sink.events(workflow, lines)
        for item in items:
            self._ask(item)
        with self._changed:
            self._ended = max(self._ended, beat)
            self._changed.notify_all()
