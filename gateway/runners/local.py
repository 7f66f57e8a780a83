"""The local engine as a runner. Processes may share a data directory: each takes an engine directory of its own."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import structlog

from engine.local import Engine
from engine.ports import Run, Sink
from engine.settings import EngineSettings
from translator.lifecycle.effects import AnyEffect
from translator.lifecycle.state import WorkflowState

_log = structlog.get_logger(__name__)


class LocalRunner:
    """Implements `gateway.ports.runner.Runner`.

    Shape: `settings.root` is the directory below which engine directories are made; `settings.data` must be set, so
    that all of them share one intermediate location.
    """

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._claim = contextlib.ExitStack()
        self._engine: Engine | None = None

    def start(self, sink: Sink) -> None:
        """Take the first engine directory that no living process has, and begin.

        Errors: IsolationUnavailable; OSError.
        """
        root = self._claim.enter_context(_claimed(self._settings.root))
        engine = Engine(replace(self._settings, root=root), sink)
        try:
            engine.start()
        except BaseException:
            self._claim.close()
            raise
        self._engine = engine
        _log.info("local engine started", isolation=engine.isolation, directory=str(root))

    def admit(self, run: Run) -> None:
        """Make a workflow known."""
        self._started.admit(run)

    def apply(self, run: Run, effects: Sequence[AnyEffect]) -> None:
        """Carry out effects, in order, without waiting for them."""
        self._started.apply(run, effects)

    def recover(self, run: Run, state: WorkflowState) -> None:
        """Take up an unfinished workflow after a restart of the gateway."""
        self._started.recover(run, state)

    def forget(self, run: Run) -> None:
        """Drop what is held of a sealed workflow."""
        self._started.forget(run)

    def stop(self) -> None:
        """End local work and report it. Safe to repeat."""
        if self._engine is not None:
            self._engine.stop()
        self._claim.close()

    @property
    def _started(self) -> Engine:
        if self._engine is None:
            raise RuntimeError("the runner was not started")
        return self._engine


@contextlib.contextmanager
def _claimed(directory: Path) -> Iterator[Path]:
    """The first numbered directory whose owner is gone.

    The claim dies with this process alone, while the engine's own lock lives until its launcher has ended all tasks:
    so the directory of a process that was killed is taken up again, and with it what is recorded there.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for number in itertools.count():
        descriptor = os.open(directory / f"{number}.owner", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            continue
        try:
            yield directory / str(number)
        finally:
            os.close(descriptor)
        return
