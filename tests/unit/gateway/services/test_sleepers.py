"""What is not used for a while is packed, and comes back as it was."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from gateway.services.sleepers import Sleepers
from tests.unit.argo.plans import plan, single


class One:
    """Sleeps unless it is busy."""

    def __init__(self, weight: int = 1, *, busy: bool = False) -> None:
        self.weight = weight
        self.busy = busy
        self.asleep = False

    def sleep(self) -> bool:
        self.asleep = not self.busy
        return self.asleep


def use(sleepers: Sleepers, one: One) -> None:
    one.asleep = False
    sleepers.used(one)


def test_those_that_were_used_last_stay_awake() -> None:
    sleepers = Sleepers(3)
    ones = [One() for _ in range(5)]
    for one in ones[:3]:
        use(sleepers, one)
    use(sleepers, ones[0])
    for one in ones[3:]:
        use(sleepers, one)
    assert [one.asleep for one in ones] == [False, True, True, False, False]


def test_one_that_is_too_large_alone_stays_awake() -> None:
    sleepers = Sleepers(3)
    small, large = One(), One(100)
    use(sleepers, small)
    for _ in range(3):
        use(sleepers, large)
    assert (small.asleep, large.asleep) == (True, False)


def test_busy_ones_keep_nobody_else_awake() -> None:
    sleepers = Sleepers(2)
    busy = [One(busy=True) for _ in range(20)]
    idle = [One() for _ in range(40)]
    for one in [*busy, *idle]:
        use(sleepers, one)
    assert not any(one.asleep for one in busy)
    assert sum(not one.asleep for one in idle) <= 10
    for one in busy:
        one.busy = False
    for _ in range(3):
        for one in idle:
            use(sleepers, one)
    assert sum(not one.asleep for one in [*busy, *idle]) <= 3


def test_one_that_is_forgotten_takes_no_room() -> None:
    sleepers = Sleepers(1)
    first, second = One(), One()
    use(sleepers, first)
    sleepers.forget(first)
    sleepers.forget(first)
    use(sleepers, second)
    assert (first.asleep, second.asleep) == (False, False)


@given(st.dictionaries(st.text(), st.one_of(st.text(), st.binary(), st.lists(st.integers())), max_size=5), st.randoms())
def test_packed_values_come_back(values: dict[str, object], chance: random.Random) -> None:
    sleepers = Sleepers()
    before = sleepers.pack(values)
    noise = chance.randbytes(chance.randrange(100_000))
    like = sleepers.pack({**values, "noise": noise})
    again = sleepers.pack(values)
    assert sleepers.unpack(before) == sleepers.unpack(again) == values
    assert sleepers.unpack(like) == {**values, "noise": noise}


def test_what_refers_to_one_thing_still_does() -> None:
    made = plan(single("a"), single("b"))
    found = Sleepers().unpack(Sleepers().pack({"plan": made, "groups": {group.name: group for group in made.groups}}))
    assert found["plan"] == made
    assert [found["groups"][group.name] is group for group in found["plan"].groups] == [True, True]
