"""Large objects in several requests at a time, handed on in order: writing and summing go on while more is coming."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import dataclass, field

from storage.connections import Connections
from storage.lanes import StopSign

# How long to wait before asking again how many there may be.
_LOOK_SECONDS = 0.01


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
            spare = self._spare.pop() if self._spare else b""
            self._buffer = spare if isinstance(spare, bytearray) and len(spare) >= len(self) else bytearray(len(self))
        return memoryview(self._buffer)[: len(self)]

    def leave(self) -> None:
        """Have its memory used by another one."""
        if self._buffer is not None:
            self.came, buffer, self._buffer = memoryview(b""), self._buffer, None
            self._spare.append(buffer)


class Memory:
    """What ranges beyond the usual ones of their objects may take together. Any thread. Units: bytes."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._lock = threading.Lock()

    def take(self, size: int) -> bool:
        """Whether there is so much left; it is taken then."""
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True

    def give_back(self, size: int) -> None:
        """Have so much used by others."""
        with self._lock:
            self._left += size


_MEMORY = Memory(64 * 1024 * 1024)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """How an object is fetched in ranges, from `start` to `end`.

    Shape: ranges end at multiples of `step` bytes; they are of `far_step` as long as the store is not known to be near.
    `at_once` of them are held, `most` at a time where `connections` say that more pay.
    """

    start: int
    end: int
    step: int
    at_once: int
    far_step: int
    most: int
    connections: Connections | None = None

    def step_now(self) -> int:
        """How long the next range is at the most."""
        return self.step if self.connections is None or self.connections.is_near else self.far_step

    def end_of(self, start: int) -> int:
        """Where the range ends that begins there."""
        step = self.step_now()
        return min(start + step if step < self.step else (start // step + 1) * step, self.end)

    def number_now(self) -> int:
        """How many ranges may be under way."""
        return self.at_once if self.connections is None else self.connections.now(self.at_once, self.most)


def in_order(
    fetch: Callable[[Range, StopSign], None], cut: Cut, stopped: StopSign, memory: Memory = _MEMORY
) -> Iterator[memoryview]:
    """The bytes of an object's ranges; each piece is good until the next one is asked for.

    Where `fetch` fails, what came of the first range that is missing comes before its error is raised.
    """
    halted = _Halt(stopped)
    with (
        cut.connections.used() if cut.connections is not None else nullcontext(),
        ThreadPoolExecutor(cut.at_once, thread_name_prefix="transfer-range") as usual,
        # Of their own: one pool for all would have a thread for each of the most there may be, which costs time.
        ThreadPoolExecutor(max(cut.most, 1), thread_name_prefix="transfer-range") as more,
    ):

        def begin(wanted: Range, under_way: int) -> Future[None]:
            return (usual if under_way < cut.at_once else more).submit(fetch, wanted, halted)

        window = _Window(cut, memory, begin)
        try:
            while (first := window.first()) is not None:
                wanted, error = first
                yield wanted.came
                if error is not None:
                    raise error
                wanted.leave()
        finally:
            halted.set()
            window.close()


class _Window:
    """The ranges of an object that are under way, or wait for the first of them."""

    def __init__(self, cut: Cut, memory: Memory, begin: Callable[[Range, int], Future[None]]) -> None:
        self._cut = cut
        self._memory = memory
        self._begin = begin
        self._next = cut.start
        self._coming: deque[tuple[Range, Future[None]]] = deque()
        self._spare: deque[bytearray] = deque()
        # How many more than usual there is memory for, until the object is whole.
        self._more = 0
        self._taken_bytes = 0

    def first(self) -> tuple[Range, BaseException | None] | None:
        """The first range, as soon as it is there or failed, and with what; None behind the last one."""
        while True:
            while self._next < self._cut.end and self._may_begin():
                wanted = Range(self._next, self._cut.end_of(self._next), _spare=self._spare)
                self._next = wanted.end
                self._coming.append((wanted, self._begin(wanted, self._under_way())))
            if not self._coming:
                return None
            wanted, future = self._coming[0]
            if future.done() or not self._waits_to_begin():
                self._coming.popleft()
                return wanted, future.exception()
            # Where no more than usual may be under way, only what follows from the first one is waited for.
            awaited = [future for _, future in self._coming if not future.done()] if self._more else [future]
            wait(awaited, timeout=_LOOK_SECONDS, return_when=FIRST_COMPLETED)

    def close(self) -> None:
        """Begin nothing more, and leave the memory to others."""
        for _, future in self._coming:
            future.cancel()
        self._memory.give_back(self._taken_bytes)

    def _waits_to_begin(self) -> bool:
        """Whether more may begin before the first range is there."""
        return self._cut.connections is not None and self._next < self._cut.end

    def _may_begin(self) -> bool:
        number, held = self._cut.number_now(), len(self._coming)
        if held < min(number, self._cut.at_once):
            return True
        if self._under_way() >= number or number <= self._cut.at_once:
            return False
        # Those that came wait for the first one: they are in memory as well.
        return held < self._cut.most and (held < self._cut.at_once + self._more or self._has_more_memory())

    def _under_way(self) -> int:
        return sum(not future.done() for _, future in self._coming)

    def _has_more_memory(self) -> bool:
        size = self._cut.step_now()
        if not self._memory.take(size):
            return False
        self._taken_bytes += size
        self._more += 1
        return True


class _Halt(threading.Event):
    """A sign that is given where another one is, or by itself."""

    def __init__(self, stopped: StopSign) -> None:
        super().__init__()
        self._stopped = stopped

    def is_set(self) -> bool:
        return super().is_set() or self._stopped.is_set()
