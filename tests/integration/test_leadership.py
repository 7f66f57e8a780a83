"""Two gateways on one PostgreSQL: one acts on the cluster, the other one follows, and nothing is done twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.mirror.clock import VirtualClock
from gateway.mirror.leadership import LEASE_SECONDS, Election
from gateway.ports.faults import StoreUnavailable
from gateway.ports.leadership import Leadership
from gateway.runners.dummy_script import scripts_from
from gateway.store.session import SqlStore, open_store
from tests.integration.engine_scene import eventually
from tests.workplace import BACKEND, START, Workplace, chain, insert, plan, workplace
from translator.lifecycle.words import TaskStatus

pytestmark = pytest.mark.xdist_group("postgresql")


class Uptime:
    """What a process takes for the time since the machine was started."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """Now."""
        return self.seconds


def elected(store: SqlStore, uptime: Uptime, chosen: list[Election]) -> Leadership:
    """A candidate that stands only when it is told to."""
    locks = store.locks()
    assert locks is not None
    chosen.append(Election(locks, [BACKEND], now=uptime, confirm_every_seconds=3600))
    return chosen[-1]


def test_locks_go_with_their_connection(postgres_emptied: str) -> None:
    stores = [open_store(postgres_emptied) for _ in range(2)]
    one, other = (store.locks() for store in stores)
    assert one is not None
    assert other is not None
    assert [one.take("a"), one.take("a"), other.take("a"), other.take("b")] == [True, True, False, True]
    one.confirm()
    assert not other.expel("a", 60)
    assert not other.take("a")
    one.release_all()
    # The server ends a connection a moment after it was closed, or told to end.
    eventually(lambda: other.take("a"))
    assert not other.expel("nobody", 0)
    assert one.expel("a", 0)
    eventually(lambda: one.take("a"))
    other.release_all()
    one.release_all()
    for store in stores:
        store.close()


def test_a_process_that_is_expelled_keeps_no_rows_locked(postgres_emptied: str) -> None:
    """It may have been stopped within a transaction."""
    stores = [open_store(postgres_emptied) for _ in range(2)]
    one, other = (store.locks() for store in stores)
    assert one is not None
    assert other is not None
    uuid = insert(stores[0], plan())
    with stores[0].reading() as reads:
        stored = reads.load_run(uuid)
    assert stored is not None
    assert one.take("a")

    def expelled() -> None:
        with stores[0].writing() as stopped:
            assert stopped.take_over(stored.owner, "stopped") is not None
            assert other.expel("a", 0)
            with stores[1].writing() as writes:
                assert writes.take_over(stored.owner, "second") is not None
            stopped.instances()

    with pytest.raises(StoreUnavailable):
        expelled()
    with stores[1].reading() as reads:
        found = reads.load_run(uuid)
    assert found is not None
    assert found.owner.instance == "second"
    other.release_all()
    one.release_all()
    for store in stores:
        store.close()


def test_sqlite_has_no_such_locks(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'x.db'}")
    assert store.locks() is None
    store.close()


def test_the_leader_runs_what_the_other_accepted_and_the_other_takes_over(
    tmp_path: Path, postgres_emptied: str
) -> None:
    """A leader that stops for a while is replaced; what it still wants to write is refused, and it lets go."""
    times = Uptime(), Uptime()
    chosen: list[Election] = []
    scripts = scripts_from({"t0": [{"seconds": 5}]})
    clock = VirtualClock(START)
    with (
        workplace(
            tmp_path,
            scripts,
            url=postgres_emptied,
            clock=clock,
            leadership_of=lambda store: elected(store, times[0], chosen),
        ) as first,
        workplace(
            tmp_path,
            url=postgres_emptied,
            clock=clock,
            leadership_of=lambda store: elected(store, times[1], chosen),
        ) as second,
    ):
        assert [one.leads(BACKEND) for one in chosen] == [True, False]
        accepted = second.submit(*chain(3))
        assert second.mirror.counts()["tracked"] == 0
        _pass(first, second, 1)
        assert first.mirror.counts()["tracked"] == 1
        # The leader sleeps: its connection is taken from it, and it has not noticed.
        locks = second.store.locks()
        assert locks is not None
        assert locks.expel(BACKEND, 0)
        locks.release_all()
        times[1].seconds += LEASE_SECONDS
        eventually(lambda: _stands(chosen[1]))
        assert [one.leads(BACKEND) for one in chosen] == [True, True]
        _pass(first, second, 20)
        assert first.mirror.counts()["tracked"] == 0
        assert first.mirror.counts()["fenced"] >= 1
        chosen[0].stand()
        assert [one.leads(BACKEND) for one in chosen] == [False, True]
        # The other one's dummy runner has no such task, and says so; the end that the first one saw does not count.
        assert second.statuses(accepted) == {
            "t0": [TaskStatus.FAILED_BACKEND_ERROR],
            "t1": [TaskStatus.FAILED_UPSTREAM],
            "t2": [TaskStatus.FAILED_UPSTREAM],
        }
        assert second.record(accepted).sealed


def _stands(candidate: Election) -> bool:
    candidate.stand()
    return candidate.leads(BACKEND)


def _pass(first: Workplace, second: Workplace, seconds: int) -> None:
    for _ in range(seconds):
        first.advance(1)
        second.settle()
