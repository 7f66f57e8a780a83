"""Two gateways on one PostgreSQL and one cluster; the one that acts is stopped (SIGSTOP), and goes on much later.

It does not know that it was stopped, nor that the other one has taken over: nothing that it does then may count. With
`ARGOSMO_TEST_PAUSE_SECONDS=30` it is stopped for so long under the usual lease; without, under a short one and just for
as long as it takes the other.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fakes.argo_simulation import Act
from tests.integration.gateways import Ends, Gateway, Place, check_cluster, check_rows, gateway, place, until
from tests.integration.test_crash_cluster import ENDS, RUN, SCRIPTS

pytestmark = [pytest.mark.xdist_group("postgresql"), pytest.mark.timeout(300)]

PAUSE_SECONDS = float(os.environ.get("ARGOSMO_TEST_PAUSE_SECONDS", "0"))
LEASE_SECONDS = 10.0 if PAUSE_SECONDS else 2.0
SLOW: Mapping[str, Sequence[Act]] = {
    **SCRIPTS,
    "a": [Act(says=["a 1", "a 2"], until="stopped", then=["a 3", "a 4"])],
    "c": [Act(says=["c 1"], until="both", then=["c 2"])],
    "d": [Act(says=["d 1"], until="both", then=["d 2"], code=3)],
}
# In the midst of creating, reading, writing to the database with its rows locked, and cleaning up.
POINTS = (
    "argo.run-begins",
    "argo.all-created",
    "argo.lines-read:3",
    "store.changes-written:2",
    "argo.before-removal",
)


@contextmanager
def pair(at: Place, point: str = "") -> Iterator[tuple[Gateway, Gateway]]:
    """A gateway that acts on the cluster, and stops itself at a point if one is given; and one that follows."""
    with gateway(at, "first", lease_seconds=LEASE_SECONDS, point=point, stops=True) as first:
        assert first.client
        with gateway(at, "second", lease_seconds=LEASE_SECONDS) as second:
            assert second.client
            yield first, second


def test_one_that_was_stopped_does_nothing_more(tmp_path: Path, postgres_emptied: str) -> None:
    with place(tmp_path, postgres_emptied, SLOW) as at, pair(at) as (first, second):
        found = first.submit(RUN)
        first.until(found, "a", "RUNNING")
        first.until(found, "d", "RUNNING")
        first.signal(signal.SIGSTOP)
        at.argo.open("stopped")
        time.sleep(PAUSE_SECONDS)
        second.until(found, "c", "RUNNING")
        # An end is told after its log, which may be read later than what came of it begins.
        second.until(found, "m", "RESCHEDULED", "COMPLETED")
        assert first.is_stopped()
        done = deeds_of(at, first)
        first.signal(signal.SIGCONT)
        # At once, and what is so now.
        assert first.ends(found)["m"] == [("RESCHEDULED", 75), ("COMPLETED", 0)]
        until(lambda: '"leads": []' in first.log(), first.log)
        at.argo.open("both")
        for one in (second, first):
            assert one.finished(found) == "FAILED"
        check_both(at, (first, second), found, ENDS)
        assert deeds_of(at, first) == done
        check_goes_on(at, first, second)


@pytest.mark.parametrize("point", POINTS)
def test_one_that_stops_in_the_midst_of_something_does_not_finish_it(
    point: str, tmp_path: Path, postgres_emptied: str
) -> None:
    with place(tmp_path, postgres_emptied, SCRIPTS) as at, pair(at, point) as (first, second):
        at.argo.open("go")
        # Whoever accepts it, the first one acts.
        found = second.submit(RUN)
        # Some points come only after the end is in the rows.
        until(first.is_stopped, lambda: f"{point} was not passed\n{first.log()}")
        until(lambda: '"leads": ["edge"]' in second.log(), second.log)
        assert second.finished(found) == "FAILED"
        done = deeds_of(at, first)
        first.signal(signal.SIGCONT)
        until(lambda: '"leads": []' in first.log(), first.log)
        check_both(at, (second, first), found, ENDS)
        assert deeds_of(at, first) == done


def deeds_of(at: Place, one: Gateway) -> Sequence[tuple[str, str]]:
    """What a gateway asked the cluster to change."""
    with at.kube.changed:
        found = [(method, path) for name, method, path in at.kube.deeds if name == one.name]
    return [deed for deed in found if "accessreviews" not in deed[1]]


def check_both(at: Place, gateways: Sequence[Gateway], workflow_id: str, ends: Ends) -> None:
    """Whichever is asked, the answer is the truth."""
    check_cluster(at)
    for one in gateways:
        assert one.ends(workflow_id) == ends
        check_rows(at, one, workflow_id)


def check_goes_on(at: Place, first: Gateway, second: Gateway) -> None:
    """The one that was replaced is as good as new: when the other one ends, it takes over again."""
    second.signal(signal.SIGTERM)
    assert second.died() == 0
    at.argo.made.clear()
    at.argo.truth.clear()
    at.argo.lines.clear()
    again = first.submit(RUN)
    assert first.finished(again) == "FAILED"
    check_both(at, [first], again, ENDS)
