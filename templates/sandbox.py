"""Users' templates rendered in worker processes, with bounds on time and memory.

The one impure part of this package. A template never runs in the caller's process; one that takes too long or too
much is killed with its worker, which is replaced at once, so that it delays nobody but its author.

Source: workflow-spec.md §3.2 (engine, limits, texts).
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from templates.sandbox_codec import encoded
from templates.sandbox_failure import TemplateFailure
from templates.sandbox_frames import PeerGone, TimedPipes

_ROOT = str(Path(__file__).resolve().parent.parent)
# All a worker may know of its parent's environment: where Python and the dynamic linker find libraries.
_INHERITED = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_TIMEOUT_CLASS = str(TimeoutError)
_MEMORY_CLASS = str(MemoryError)


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxLimits:
    """Bounds on rendering.

    Units: `seconds` of wall clock for one template from the start of its rendering; `memory_bytes` on top of what a
    worker has when idle; `output_length` in characters; `start_seconds` for a worker to come up; `renders_per_worker`
    before a worker is replaced by a fresh one; `waiting` requests and `wait_seconds` each where all workers are busy.
    """

    workers: int = 2
    seconds: float = 0.5
    memory_bytes: int = 100 * 1024 * 1024
    output_length: int = 8 * 1024 * 1024
    start_seconds: float = 20.0
    renders_per_worker: int = 500
    waiting: int = 200
    wait_seconds: float = 60.0


DEFAULT_LIMITS: Final = SandboxLimits()


class TemplateSandbox:
    """A pool of workers; meets the translator's `Renderer`. Safe to use from many threads.

    Workers start when they are first needed. They end with `close`, and by themselves when this process is gone.
    """

    def __init__(self, limits: SandboxLimits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._free: deque[_Worker] = deque()
        self._running: set[_Worker] = set()
        self._waiting = 0
        self._closed = False
        self._changed = threading.Condition()

    def render(self, template: str, variables: Mapping[str, object]) -> str:
        """The template's text with `variables` filled in; undefined ones are errors.

        Errors: TemplateFailure, also where a limit is met or too many requests are waiting.
        """
        try:
            request = {
                "template": template,
                "variables": encoded(variables),
                "seconds": self._limits.seconds,
                "max_length": self._limits.output_length,
            }
        except TypeError as error:
            raise TemplateFailure(str(TypeError), str(error)) from error
        with self._worker() as worker:
            return self._text(worker.answer(request))

    def close(self) -> None:
        """End all workers. A rendering under way fails; no later one is possible."""
        with self._changed:
            self._closed = True
            workers = list(self._running)
            self._running.clear()
            self._free.clear()
            self._changed.notify_all()
        for worker in workers:
            worker.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _text(self, answer: Mapping[str, object]) -> str:
        match answer:
            case {"text": str(text)}:
                return text
            case {"out_of_memory": True}:
                limit = self._limits.memory_bytes
                raise TemplateFailure(_MEMORY_CLASS, f"Sandboxed process exceeded memory limit of {limit} bytes")
            case {"too_long": True}:
                limit = self._limits.output_length
                raise TemplateFailure(_MEMORY_CLASS, f"The rendered text has more than {limit} characters")
            case {"error": str(message), "class": str(error_class), "line": int() | None as line}:
                raise TemplateFailure(error_class, message, line)
        raise TemplateFailure(str(RuntimeError), "The sandboxed process gave no answer")

    @contextlib.contextmanager
    def _worker(self) -> Iterator[_Worker]:
        worker = self._taken()
        try:
            yield worker
        finally:
            self._give_back(worker)

    def _taken(self) -> _Worker:
        with self._changed:
            if self._waiting >= self._limits.waiting:
                raise _busy()
            self._waiting += 1
            try:
                if not self._changed.wait_for(self._is_worker_to_have, self._limits.wait_seconds):
                    raise _busy()
            finally:
                self._waiting -= 1
            if self._closed:
                raise TemplateFailure(str(RuntimeError), "The template sandbox is closed")
            if self._free:
                return self._free.popleft()
            try:
                return self._started()
            except OSError as error:
                raise TemplateFailure(str(RuntimeError), f"No sandboxed process can be started: {error}") from error

    def _is_worker_to_have(self) -> bool:
        return self._closed or bool(self._free) or len(self._running) < self._limits.workers

    def _started(self) -> _Worker:
        worker = _Worker(self._limits)
        self._running.add(worker)
        return worker

    def _give_back(self, worker: _Worker) -> None:
        with self._changed:
            if worker not in self._running:
                return
            if worker.is_usable():
                self._free.appendleft(worker)
            else:
                self._running.discard(worker)
                worker.kill()
                # Its successor comes up meanwhile, and last in line: whoever comes first takes one that is ready.
                # Where none can be started now, the next request tries again, and says so.
                with contextlib.suppress(OSError):
                    self._free.append(self._started())
            self._changed.notify()


class _Worker:
    """One worker process. Used by one thread at a time, except for `kill`."""

    def __init__(self, limits: SandboxLimits) -> None:
        self._limits = limits
        self._renders_left = limits.renders_per_worker
        self._is_ready = False
        self._is_broken = False
        self._process = subprocess.Popen(
            [sys.executable, "-s", "-P", "-m", "templates.sandbox_worker", str(limits.memory_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            start_new_session=True,
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError("Popen was asked for pipes")
        self._pipes = TimedPipes(to_worker=self._process.stdin.fileno(), from_worker=self._process.stdout.fileno())

    def answer(self, request: object) -> Mapping[str, object]:
        """The worker's answer to one request. Errors: TemplateFailure where it gave none in time."""
        self._renders_left -= 1
        # Until the answer is complete the worker is in an unknown state.
        was_broken, self._is_broken = self._is_broken, True
        try:
            self._begin(request)
            answer = self._pipes.receive(time.monotonic() + self._limits.seconds)
        except TimeoutError as error:
            text = f"Process exceeded time limit of {self._limits.seconds:g} seconds"
            raise TemplateFailure(_TIMEOUT_CLASS, text) from error
        except PeerGone as error:
            raise TemplateFailure(str(RuntimeError), "The sandboxed process ended unexpectedly") from error
        self._is_broken = was_broken
        if not isinstance(answer, dict):
            raise TemplateFailure(str(RuntimeError), "The sandboxed process gave no answer")
        if "out_of_memory" in answer:
            self._is_broken = True
        return answer

    def is_usable(self) -> bool:
        """Whether the worker can take another request."""
        return not self._is_broken and self._renders_left > 0 and self._process.poll() is None

    def kill(self) -> None:
        """End the process at once. Safe to call twice and from any thread."""
        self._is_broken = True
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _begin(self, request: object) -> None:
        # A template's time starts when its rendering does: neither Python's start nor the transfer counts.
        deadline = time.monotonic() + self._limits.start_seconds
        if not self._is_ready:
            self._pipes.receive(deadline)
            self._is_ready = True
        self._pipes.send(request, deadline)
        self._pipes.receive(deadline)


def _environment() -> dict[str, str]:
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    path = os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH"))))
    return {**inherited, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


def _busy() -> TemplateFailure:
    return TemplateFailure(_TIMEOUT_CLASS, "Too many templates are waiting to be rendered. Try again in a moment")
