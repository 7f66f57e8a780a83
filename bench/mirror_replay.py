"""Replay of recorded events through feed, observation, reducer and store, against the peer.

What the rows call for (logs, clean-up, sealing) is not done here: it is work of its own, which the peer has not either.
`mirror_lag` measures the whole with all of it.
"""

from __future__ import annotations

import gc
import itertools
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
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
from tests.workplace import START, insert_to
from translator.lifecycle.words import WorkflowStatus

EVENTS = 102_000
_PATIENCE_SECONDS = 120.0
_AT_ONCE = 6_000

_OURS = "the mirror's table of tasks"
_PEERS = {"a table of nine columns without index": "bare", _OURS: "like_ours"}

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
            self.mirror.attend_new(*insert_to(self.mirror, self.store, run.plan))
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
        peers = {name: f"sqlite:///{home}/{place}.db" for name, place in _PEERS.items()}
        pace = measure("SQLite", Path(home), f"sqlite:///{home}/bench.db", peers, runs)
    try:
        with tempfile.TemporaryDirectory() as home, postgres_server() as server, ExitStack() as stack:
            url = stack.enter_context(new_database(server, "bench"))
            peers = {name: stack.enter_context(new_database(server, place)) for name, place in _PEERS.items()}
            measure("PostgreSQL", Path(home), url, peers, runs)
    except NoPostgres as reason:
        print(f"PostgreSQL: left out, {reason}")
    return pace


def measure(name: str, home: Path, url: str, peers: Mapping[str, str], runs: Sequence[Run]) -> float:
    """Print the figures of one database, and return our events a second. Shape: `peers` kind of table to URL.

    Blocks alternate between peers and mirror, so that all see one machine.
    """
    ours, events = Cost(wall=0, processor=0), 0
    theirs = {kind: Cost(wall=0, processor=0) for kind in peers}
    with site(home, url) as at, ExitStack() as stack:
        writes = {
            kind: stack.enter_context(plain_writer(place, like_ours=kind == _OURS)) for kind, place in peers.items()
        }
        at.submit(runs)
        for block in blocks_of(runs):
            events += len(block)
            for kind, write in writes.items():
                theirs[kind] += cost(partial(take, write, [(pattern.kind, line) for _, pattern, line in block]))
            ours += cost(partial(_replay, at, block))
        with at.store.reading() as reads:
            found = reads.workflows(
                WorkflowFilter(statuses=(WorkflowStatus.COMPLETED,)), Page(limit=len(runs) + 1)
            ).workflows
        assert len(found) == len(runs), f"{len(found)} of {len(runs)} runs are completed"
        saved = at.mirror.counts()["saved"]
    print(
        f"{name}: {events} events of {len(runs)} runs: mirror {events / ours.wall:.0f}/s, of processor time "
        f"{ours.processor / events * 1e6:.0f} us an event; {saved} transactions"
    )
    for kind, cost_there in theirs.items():
        print(
            f"    decode and upsert alone into {kind}: {events / cost_there.wall:.0f}/s, "
            f"ratio {cost_there.wall / ours.wall:.2f} (aim >= 0.7); of processor time "
            f"{cost_there.processor / events * 1e6:.0f} us an event, ratio {cost_there.processor / ours.processor:.2f}"
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
