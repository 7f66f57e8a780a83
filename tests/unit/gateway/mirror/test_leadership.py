"""Who leads a backend, and for how long that may be believed."""

from __future__ import annotations

from gateway.mirror.leadership import LEASE_SECONDS, Election, SoleLeader
from gateway.ports.faults import StoreUnavailable


class OneTable:
    """The locks of all processes: name to holder."""

    def __init__(self) -> None:
        self.holders: dict[str, FakeLocks] = {}
        self.now = 0.0


class FakeLocks:
    """Implements `Locks` for one process."""

    def __init__(self, table: OneTable) -> None:
        self._table = table
        self.broken = False
        self.confirmed_at = table.now

    def take(self, name: str) -> bool:
        """Take it where it is free."""
        return self._table.holders.setdefault(name, self) is self

    def confirm(self) -> None:
        """Be heard, or lose everything."""
        if self.broken:
            self.release_all()
            raise StoreUnavailable("gone")
        self.confirmed_at = self._table.now

    def expel(self, name: str, silent_seconds: float) -> bool:
        """Throw out a silent holder."""
        holder = self._table.holders[name]
        if self._table.now - holder.confirmed_at <= silent_seconds:
            return False
        holder.release_all()
        return True

    def release_all(self) -> None:
        """Free all."""
        self._table.holders = {name: held for name, held in self._table.holders.items() if held is not self}


def election(table: OneTable, *backends: str) -> tuple[Election, FakeLocks]:
    """A candidate for some backends."""
    locks = FakeLocks(table)
    return Election(locks, backends or ("c",), now=lambda: table.now), locks


def test_one_leads_and_the_other_follows_when_it_leaves() -> None:
    table = OneTable()
    (first, _), (second, _) = election(table), election(table)
    first.stand()
    second.stand()
    assert (first.leads("c"), second.leads("c")) == (True, False)
    assert (first.shares("c"), first.shares("local"), second.leads("local")) == (True, False, True)
    first.stop()
    assert not first.leads("c")
    second.stand()
    assert second.leads("c")


def test_leadership_ends_by_itself_before_anybody_may_take_it() -> None:
    """A process that was stopped for a while knows nothing of it: it must not act before it has asked."""
    table = OneTable()
    (stopped, _), (other, _) = election(table), election(table)
    stopped.stand()
    while stopped.leads("c"):
        table.now += 1
        other.stand()
        assert not (stopped.leads("c") and other.leads("c"))
    assert table.now >= LEASE_SECONDS
    assert not other.leads("c")
    for _ in range(20):
        table.now += 1
        other.stand()
        assert not stopped.leads("c")
    assert other.leads("c")
    stopped.stand()
    assert (stopped.leads("c"), other.leads("c")) == (False, True)


def test_without_the_database_nobody_leads() -> None:
    table = OneTable()
    leader, locks = election(table)
    heard: list[bool] = []
    leader.stand()
    leader._on_change = lambda: heard.append(leader.leads("c"))
    locks.broken = True
    leader.stand()
    assert not leader.leads("c")
    locks.broken = False
    leader.stand()
    assert leader.leads("c")
    assert heard == [False, True]


def test_backends_are_won_one_by_one() -> None:
    table = OneTable()
    (left, _), (right, _) = election(table, "a"), election(table, "a", "b")
    left.stand()
    right.stand()
    assert [left.leads("a"), right.leads("a"), right.leads("b")] == [True, False, True]


def test_alone_one_leads_everything() -> None:
    leader = SoleLeader()
    leader.start(lambda: None)
    assert leader.leads("c")
    assert not leader.shares("c")
    leader.stop()
