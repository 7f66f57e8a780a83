"""From the socket to the row, at a set pace.

The news alone: watches, feeds, observation, reducer and rows. The whole: a real runner, which also reads the log of
each container before it tells an end, and removes what is over: three to five requests more of each pod.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import httpx

from bench.mirror_events import Run, runs_of
from engine.ports import Secret
from gateway.mirror.clock import VirtualClock
from gateway.mirror.leadership import SoleLeader
from gateway.mirror.loop import Mirror
from gateway.mirror.ownership import LockedInstance
from gateway.ports.runner import Reports, Runner
from gateway.runners.argo.access import Server
from gateway.runners.argo.client import KubeClient
from gateway.runners.argo.patience import Patience
from gateway.runners.argo.reflector import Reflector, Watched
from gateway.runners.argo.runner import ArgoRunner, utc_now
from gateway.runners.argo.settings import ArgoBackend
from gateway.store.logs import FileLogs
from gateway.store.session import open_store
from tests.fakes.observing import ObservingRunner
from tests.fakes.recordings import BACKEND
from tests.workplace import START, insert_to
from translator.argo.observe import RunIndex
from translator.argo.observe_objects import decode_pod
from translator.argo.observe_run import RunObservations
from translator.argo.target import ArgoTarget
from translator.lifecycle.state import WorkflowState
from translator.lifecycle.words import TaskStatus
from translator.plan.model import WorkflowUuid

EVENTS = 12_000
WHOLE_PACE = 300.0
_PATIENCE_SECONDS = 180.0

Change = tuple[int, str, TaskStatus]
"""Number of the run, task, what it became."""


def news(pace: float, events: int = EVENTS) -> None:
    """Print the lag of the news. Units: `pace` in events a second."""
    _measure("news alone", pace, events, lambda url: _Watching(url))


def whole(pace: float = WHOLE_PACE) -> None:
    """Print the lag with logs and clean-up."""
    _measure("with logs and clean-up", pace, int(20 * pace), _argo_runner)


def _measure(name: str, pace: float, events: int, runner_of: Callable[[str], _AnyRunner]) -> None:
    runs = runs_of(events)
    with tempfile.TemporaryDirectory() as place, _server(events, pace, Path(place) / "times") as server:
        home = Path(place)
        seen = _changes(server, home, runs, runner_of(server))
        sent = {(number, kind, version): at for number, kind, version, at in json.loads((home / "times").read_text())}
    sizes = {run.number: run.size for run in runs}
    lags = sorted(
        1000 * (at - sent[number, "pods", version])
        for (number, task, status), at in seen.items()
        if (version := _first_events(sizes[number]).get((task, status))) is not None
    )
    took = max(sent.values()) - min(sent.values())
    print(
        f"lag {name}, at {len(sent) / took:.0f} events/s (asked for {pace:.0f}): "
        f"median {statistics.median(lags):.0f} ms, 99 of 100 within {lags[len(lags) * 99 // 100]:.0f} ms (aim <= 250), "
        f"most {lags[-1]:.0f} ms, of {len(lags)} changes"
    )


class _AnyRunner(Runner, Protocol):
    """A runner of which can be asked whether it sees what happens."""

    @property
    def ready(self) -> bool:
        """Whether every run is admitted and created, and the watches are open."""


class _Watching(ObservingRunner):
    """Watches the server, and asks nothing else of it."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._stopped = threading.Event()
        patience = Patience(stopped=self._stopped, first_seconds=0.1, most_seconds=1.0)
        self._client = KubeClient(Server(url=url), request_seconds=60.0)
        self._reflectors = [
            Reflector(self._client, Watched(path=f"/api/v1/namespaces/argo/{kind}"), feed, patience)
            for kind, feed in self.feeds.items()
        ]

    @property
    def ready(self) -> bool:
        """Whether both watches are asked for."""
        return all(one.counts["watches"] for one in self._reflectors)

    def start(self, sink: Reports) -> None:
        """Begin to watch."""
        super().start(sink)
        for one in self._reflectors:
            one.start()

    def stop(self) -> None:
        """End the watches."""
        self._stopped.set()
        for one in self._reflectors:
            one.stop()
        super().stop()
        self._client.close()


class _Whole(ArgoRunner):
    """The runner as it is."""

    @property
    def ready(self) -> bool:
        """Whether all Workflows were created."""
        return all(world.created for world in self.all())


def _argo_runner(url: str) -> _Whole:
    backend = ArgoBackend(
        name=BACKEND, target=ArgoTarget(namespace="argo"), service_storage=Secret('{"access_key": "none"}')
    )
    return _Whole(backend, Server(url=url))


def _changes(url: str, home: Path, runs: list[Run], runner: _AnyRunner) -> dict[Change, float]:
    """When each change of a task was committed, on the monotonic clock."""
    store = open_store(f"sqlite:///{home}/bench.db")
    logs = FileLogs(home / "logs", store)
    mirror = Mirror(
        store=store,
        logs=logs,
        runners={BACKEND: runner},
        clock=VirtualClock(START),
        ownership=LockedInstance(home / "engines"),
        leadership=SoleLeader(),
    )
    commits: list[tuple[float, WorkflowUuid, WorkflowState]] = []
    ended: set[str] = set()
    finished = threading.Event()
    numbers = {run.uuid: run.number for run in runs}

    def committed(uuid: WorkflowUuid) -> None:
        now = time.monotonic()
        tracked = mirror._tracked.get(uuid)
        if tracked is None:
            return
        tracked.wake()
        # Looked at when all is over: this is the mirror's thread.
        commits.append((now, uuid, tracked.state))
        if tracked.state.status.finished:
            ended.add(uuid)
            if len(ended) == len(runs):
                finished.set()

    mirror.start()
    mirror.listen(committed)
    try:
        for run in runs:
            mirror.attend_new(*insert_to(mirror, store, run.plan))
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not (mirror.counts()["tracked"] == len(runs) and mirror.settle(_PATIENCE_SECONDS) and runner.ready):
            if time.monotonic() > deadline:
                raise TimeoutError("the runs were not created")
            time.sleep(0.2)
        httpx.post(f"{url}/start", timeout=_PATIENCE_SECONDS, trust_env=False)
        if not finished.wait(_PATIENCE_SECONDS):
            print(f"only {len(ended)} of {len(runs)} runs ended")
    finally:
        mirror.stop()
        logs.close()
        store.close()
    seen: dict[Change, float] = {}
    for at, uuid, state in commits:
        for name, tries in state.attempts.items():
            seen.setdefault((numbers[uuid], name, tries[-1].status), at)
    return seen


@lru_cache
def _first_events(size: int) -> dict[tuple[str, TaskStatus], int]:
    """The version of the event of a run that first shows each change of a task."""
    run = Run(size, 0)
    seen = RunObservations(RunIndex.of(run.plan))
    first: dict[tuple[str, TaskStatus], int] = {}
    now: datetime = utc_now()
    for pattern in run.patterns:
        if pattern.kind == "pods":
            for fact in seen.pod_seen(decode_pod(run.own(pattern.object)), now, gone=pattern.type == "DELETED"):
                first.setdefault((fact.task, fact.status), pattern.version)
    return first


@contextmanager
def _server(events: int, pace: float, times: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "bench.mirror_server", str(events), str(pace), str(times)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    news(float(sys.argv[1]))
    whole()
