"""Large objects in several requests at a time, handed on in order: writing and summing go on while more is coming."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from storage.lanes import StopSign


@dataclass(slots=True)
class Range:
    """A range of an object. Shape: `came` is its beginning, as far as it is there; `end` is behind its last byte."""

    start: int
    end: int
    came: memoryview = field(default_factory=lambda: memoryview(b""))
    _spare: deque[bytearray] = field(default_factory=deque, repr=False)
    _buffer: bytearray | None = field(default=None, repr=False)

    def __len__(self) -> int:
        """How many bytes it has when all of it came."""
        return self.end - self.start

    def room(self) -> memoryview:
        """Memory for all of it, used before where there is such: fresh memory costs as much time as to sum it."""
        if self._buffer is None:
            self._buffer = self._spare.pop() if self._spare else bytearray(len(self))
        return memoryview(self._buffer)[: len(self)]

    def leave(self) -> None:
        """Have its memory used by another one."""
        if self._buffer is not None:
            self.came, buffer, self._buffer = memoryview(b""), self._buffer, None
            self._spare.append(buffer)


def in_order(
    fetch: Callable[[Range, StopSign], None], starts: range, end: int, at_once: int, stopped: StopSign
) -> Iterator[memoryview]:
    """The bytes of ranges that begin at `starts`, up to `end`; each piece is good until the next one is asked for.

    Where `fetch` fails, what came of the first range that is missing comes before its error is raised.
    """
    halted, spare = _Halt(stopped), deque[bytearray]()
    coming: deque[tuple[Range, Future[None]]] = deque()
    begins = iter(starts)
    with ThreadPoolExecutor(at_once, thread_name_prefix="transfer-range") as threads:
        try:
            while True:
                while len(coming) < at_once and (begin := next(begins, None)) is not None:
                    wanted = Range(begin, min(begin + starts.step, end), _spare=spare)
                    coming.append((wanted, threads.submit(fetch, wanted, halted)))
                if not coming:
                    return
                first, future = coming.popleft()
                error = future.exception()
                yield first.came
                if error is not None:
                    raise error
                first.leave()
        finally:
            halted.set()
            for _, future in coming:
                future.cancel()


class _Halt(threading.Event):
    """A sign that is given where another one is, or by itself."""

    def __init__(self, stopped: StopSign) -> None:
        super().__init__()
        self._stopped = stopped

    def is_set(self) -> bool:
        return super().is_set() or self._stopped.is_set()
