"""The local engine: runs Plans on this machine.

One thread does everything but transfers and removals, in one loop; a small process beside it, the launcher, starts
and watches all commands. What the engine is told comes from any thread and is done in order; what it sees goes to a
sink. Source of the rules: workflow-spec.md §5, §6, §8.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from engine.ports import Run, Sink
from engine.reactor import Reactor
from engine.settings import EngineSettings
from engine.work import Work
from translator.lifecycle.effects import AnyEffect
from translator.lifecycle.state import WorkflowState


def utc_now() -> datetime:
    """The time, naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


class Engine:
    """Runs Plans. Contract and order of calls: `gateway.ports.Runner`. Any thread; nothing waits for tasks.

    `start` and `stop` wait until that is done. An engine that was stopped is not started again.
    """

    def __init__(self, settings: EngineSettings, sink: Sink, *, now: Callable[[], datetime] = utc_now) -> None:
        self._settings = settings
        self._sink = sink
        self._now = now
        self._reactor = Reactor(self._after_turn)
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._work: Work | None = None
        self._stop_asked = False

    def start(self) -> None:
        """Take the root, end what an engine before left there, find out how tasks can be isolated, begin to work.

        Errors: RootBusy; IsolationUnavailable; OSError.
        """
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    @property
    def isolation(self) -> str:
        """How tasks are kept apart from this machine, in a few words; empty before `start`."""
        return "" if self._work is None else self._work.services.isolation.name

    @property
    def warning(self) -> str:
        """What about the isolation is less than the best, as a sentence; empty where nothing is."""
        return "" if self._work is None else self._work.services.isolation.warning

    def admit(self, run: Run) -> None:
        """Make a workflow known; repeated, it changes nothing."""
        self._post(lambda work: work.admit(run))

    def apply(self, run: Run, effects: Sequence[AnyEffect]) -> None:
        """Carry out effects, in order."""
        wanted = tuple(effects)
        self._post(lambda work: work.apply(run, wanted))

    def recover(self, run: Run, state: WorkflowState) -> None:
        """Take up a workflow that an engine before had in hand: tell how its attempts ended, queue what never began."""
        self._post(lambda work: work.recover(run, state))

    def forget(self, run: Run) -> None:
        """Drop what is held of a workflow; what should still run of it is killed."""
        self._post(lambda work: work.forget(run))

    def stop(self) -> None:
        """End all tasks (TERM, grace, KILL) and tell it; return when no process is left. Safe to repeat."""
        if self._thread is None:
            return
        if not self._stop_asked:
            self._stop_asked = True
            self._post(lambda work: work.stop())
        self._thread.join()

    def _post(self, action: Callable[[Work], object]) -> None:
        def act() -> None:
            if self._work is not None:
                action(self._work)

        self._reactor.post(act)

    def _run(self) -> None:
        try:
            self._work = Work(self._settings, self._sink, self._reactor, self._now)
        except BaseException as error:  # noqa: BLE001  told to whoever starts the engine
            self._failure = error
            self._reactor.close()
            self._ready.set()
            return
        self._ready.set()
        try:
            self._reactor.run()
        finally:
            self._work.close()
            self._reactor.close()

    def _after_turn(self) -> None:
        if self._work is not None:
            self._work.after_turn()
