"""Replay of recorded events through feed, observation, reducer and store, against the peer.

What the rows call for (logs, clean-up, sealing) is not done here: it is work of its own, which the peer has not either.
`mirror_lag` measures the whole with all of it.
"""

from __future__ import annotations

import gc
import itertools
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.mirror_events import Pattern, Run, interleaved, runs_of
from bench.mirror_peer import plain_writer, take
from gateway.mirror.clock import VirtualClock
from gateway.mirror.leadership import SoleLeader
from gateway.mirror.loop import Mirror
from gateway.mirror.ownership import LockedInstance
from gateway.ports.records import Page, WorkflowFilter
from gateway.store.logs import FileLogs
from gateway.store.session import SqlStore, open_store
from tests.databases import NoPostgres, new_database, postgres_server
from tests.fakes.observing import ObservingRunner
from tests.fakes.recordings import BACKEND
from tests.workplace import START, insert
from translator.lifecycle.words import WorkflowStatus

EVENTS = 102_000
_PATIENCE_SECONDS = 120.0
_AT_ONCE = 6_000

Events = Sequence[tuple[Run, Pattern, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What something took. Units: seconds."""

    wall: float
    processor: float

    def __add__(self, other: Cost) -> Cost:
        """Both."""
        return Cost(wall=self.wall + other.wall, processor=self.processor + other.processor)


@dataclass(slots=True, kw_only=True)
class Site:
    """A gateway without HTTP and cluster."""

    store: SqlStore
    mirror: Mirror
    runner: ObservingRunner

    def settle(self) -> None:
        """Wait until everything that was shown is in the rows."""
        self.runner.hand_on()
        if not self.mirror.settle(_PATIENCE_SECONDS):
            raise TimeoutError("the mirror did not come to rest")

    def submit(self, runs: Iterable[Run]) -> None:
        """Have runs accepted."""
        for run in runs:
            insert(self.store, run.plan, START, instance=self.mirror.owner_of_new(BACKEND))
            self.mirror.attend(run.uuid)
        self.settle()


@contextmanager
def site(home: Path, url: str) -> Iterator[Site]:
    """A running mirror with its database at `url`."""
    clock = VirtualClock(START)
    store = open_store(url)
    logs = FileLogs(home / "logs", store)
    runner = ObservingRunner()
    mirror = Mirror(
        store=store,
        logs=logs,
        runners={BACKEND: runner},
        clock=clock,
        ownership=LockedInstance(home / "engines"),
        leadership=SoleLeader(),
    )
    try:
        mirror.start()
        yield Site(store=store, mirror=mirror, runner=runner)
    finally:
        mirror.stop()
        logs.close()
        store.close()


def blocks_of(runs: Sequence[Run]) -> Iterator[Events]:
    """The events of all runs with their texts, so many at a time as memory holds."""
    events = interleaved(runs)
    while block := [(run, pattern, run.own(pattern.line)) for run, pattern in itertools.islice(events, _AT_ONCE)]:
        yield block


def main(events: int = EVENTS) -> float:
    """Print ratios for both databases; how many events a second went into SQLite."""
    runs = runs_of(events)
    with tempfile.TemporaryDirectory() as home:
        pace = measure("SQLite", Path(home), f"sqlite:///{home}/bench.db", f"sqlite:///{home}/peer.db", runs)
    try:
        with (
            tempfile.TemporaryDirectory() as home,
            postgres_server() as server,
            new_database(server, "bench") as url,
            new_database(server, "peer") as other,
        ):
            measure("PostgreSQL", Path(home), url, other, runs)
    except NoPostgres as reason:
        print(f"PostgreSQL: left out, {reason}")
    return pace


def measure(name: str, home: Path, url: str, peer_url: str, runs: Sequence[Run]) -> float:
    """Print the figures of one database, and return our events a second.

    Blocks alternate between peer and mirror, so that both see one machine.
    """
    ours = theirs = Cost(wall=0, processor=0)
    events = 0
    with site(home, url) as at, plain_writer(peer_url) as write:
        at.submit(runs)
        for block in blocks_of(runs):
            events += len(block)
            theirs += cost(partial(take, write, [(pattern.kind, line) for _, pattern, line in block]))
            ours += cost(partial(_replay, at, block))
        with at.store.reading() as reads:
            found = reads.workflows(
                WorkflowFilter(statuses=(WorkflowStatus.COMPLETED,)), Page(limit=len(runs) + 1)
            ).workflows
        assert len(found) == len(runs), f"{len(found)} of {len(runs)} runs are completed"
        saved = at.mirror.counts()["saved"]
    print(
        f"{name}: {events} events of {len(runs)} runs: peer {events / theirs.wall:.0f}/s, mirror "
        f"{events / ours.wall:.0f}/s, ratio {theirs.wall / ours.wall:.2f} (aim >= 0.7); of processor time "
        f"{theirs.processor / events * 1e6:.0f} and {ours.processor / events * 1e6:.0f} us an event, ratio "
        f"{theirs.processor / ours.processor:.2f}; {saved} transactions"
    )
    return events / ours.wall


def _replay(at: Site, block: Events) -> None:
    feeds = at.runner.feeds
    for _, pattern, line in block:
        feeds[pattern.kind].event(line)
    at.settle()


def cost(action: Callable[[], object]) -> Cost:
    """What an action takes."""
    gc.collect()
    wall, processor = time.perf_counter(), time.process_time()
    action()
    return Cost(wall=time.perf_counter() - wall, processor=time.process_time() - processor)


if __name__ == "__main__":
    main()
