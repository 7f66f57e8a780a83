"""The engine's one loop: descriptors, timers, and calls from other threads, all carried out on one thread."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import logging
import os
import selectors
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

Action = Callable[[], None]

_log = logging.getLogger(__name__)
_IDLE_SECONDS = 60.0


@dataclass(order=True, slots=True)
class Timer:
    """An action that is due at some time; `cancel` may be repeated and comes too late without harm."""

    due: float
    number: int
    action: Action | None = field(compare=False)

    def cancel(self) -> None:
        """Do not carry it out."""
        self.action = None


class Reactor:
    """Runs actions until it is told to end.

    Contract: everything but `post` belongs to the thread that runs it. An action that raises is logged and does not
    stop the loop. `after_each_turn` is called when the actions of a turn were carried out.
    """

    def __init__(self, after_each_turn: Action) -> None:
        self._after_each_turn = after_each_turn
        self._selector = selectors.DefaultSelector()
        self._posted: deque[Action] = deque()
        self._timers: list[Timer] = []
        self._numbers = itertools.count()
        self._ended = False
        # The number of a closed descriptor may soon name something else.
        self._wake_lock = threading.Lock()
        self._woken, self._wake = os.pipe()
        for descriptor in (self._woken, self._wake):
            os.set_blocking(descriptor, False)
        self._selector.register(self._woken, selectors.EVENT_READ, self._on_woken)

    def post(self, action: Action) -> None:
        """Have an action carried out; any thread."""
        self._posted.append(action)
        with self._wake_lock:
            if self._wake >= 0:
                # A full pipe wakes just as well.
                with contextlib.suppress(BlockingIOError):
                    os.write(self._wake, b"!")

    def call_later(self, seconds: float, action: Action) -> Timer:
        """Have an action carried out after some time."""
        timer = Timer(time.monotonic() + seconds, next(self._numbers), action)
        heapq.heappush(self._timers, timer)
        return timer

    def watch(self, descriptor: int, on_readable: Action) -> None:
        """Carry out an action whenever a descriptor can be read."""
        self._selector.register(descriptor, selectors.EVENT_READ, on_readable)

    def watch_both(self, descriptor: int, action: Action, *, write: bool) -> None:
        """Change a watched descriptor: carry out its action also when it can be written, or no more so."""
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if write else 0)
        self._selector.modify(descriptor, events, action)

    def unwatch(self, descriptor: int) -> None:
        """Take no more notice of a descriptor; before it is closed."""
        self._selector.unregister(descriptor)

    def end(self) -> None:
        """Return from `run` after this turn."""
        self._ended = True

    def run(self) -> None:
        """Carry out actions until `end`."""
        while not self._ended:
            for key, _ in self._selector.select(self._patience()):
                self._carry_out(key.data)
            for _ in range(len(self._posted)):
                self._carry_out(self._posted.popleft())
            self._carry_out_due()
            self._carry_out(self._after_each_turn)

    def close(self) -> None:
        """Free what the loop holds."""
        self._selector.close()
        with self._wake_lock:
            os.close(self._wake)
            self._wake = -1
        os.close(self._woken)

    def _patience(self) -> float:
        if self._posted:
            return 0.0
        while self._timers and self._timers[0].action is None:
            heapq.heappop(self._timers)
        return max(0.0, self._timers[0].due - time.monotonic()) if self._timers else _IDLE_SECONDS

    def _carry_out_due(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0].due <= now:
            action = heapq.heappop(self._timers).action
            if action is not None:
                self._carry_out(action)

    def _on_woken(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._woken, 4096)

    def _carry_out(self, action: Action) -> None:
        try:
            action()
        except Exception:  # noqa: BLE001  one bad action must not stop all tasks
            _log.exception("An action of the engine failed")
