"""Ten faults of an API server, each shown to have fired: the mirror goes on, and soon lags no more.

The retries are paced as in production; only what is waited for on purpose (silence, an answer that never comes) is
shortened. Lag is counted from the last change on the cluster to the rows that show it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.runners.argo.settings import Pace
from tests.fakes.kube import PODS, SECRETS, WORKFLOWS, FakeKube, Fault, fake_kube, play
from tests.fakes.recordings import Event, in_order
from tests.unit.gateway.runners.test_argo_runner import EXPECTED, PACE, Cluster, before, cluster, until, until_status
from translator.lifecycle.words import TaskStatus as S
from translator.lifecycle.words import WorkflowStatus as W
from translator.plan.model import TaskName, WorkflowUuid

LAG_SECONDS = 5.0
PRODUCTION = Pace()
QUICK = replace(
    PACE,
    first_retry=PRODUCTION.first_retry,
    most_retry=PRODUCTION.most_retry,
    watch_silence=1.0,
    request=1.5,
    log_patience=30.0,
    page=2,
)


@dataclass(frozen=True)
class Case:
    """Faults that strike a run while it is made and watched. Shape: kind and words of `FakeKube.fault`."""

    faults: tuple[tuple[str, dict[str, Any]], ...]
    pauses: tuple[float, str] = (0.0, "")
    """At least so many seconds lie between a request that has this in its path and the next one."""
    counted: str = ""
    """What a reflector counts of it."""
    pace: Pace = field(default=QUICK)


_LIST: dict[str, Any] = {"path": "/pods?", "watch": False}
_WATCH: dict[str, Any] = {"path": "/pods?", "watch": True}
CASES = {
    "409, it is not there": Case((("status", {"method": "POST", "path": "/secrets", "code": 409, "times": 2}),)),
    "409, somebody changed it": Case((("status", {"method": "PATCH", "path": "/workflows/", "code": 409}),)),
    "429 with Retry-After to a list": Case(
        (("status", {**_LIST, "code": 429, "retry_after": "1", "times": 2}),), pauses=(1.0, "/pods?labelSelector")
    ),
    "429 with Retry-After to a watch": Case((("status", {**_WATCH, "code": 429, "retry_after": "1"}),)),
    "429 with Retry-After to a creation": Case(
        (("status", {"method": "POST", "path": "/workflows", "code": 429, "retry_after": "1"}),)
    ),
    "500 to everything": Case(
        (
            ("status", {**_LIST, "code": 500, "times": 2}),
            ("status", {**_WATCH, "code": 500, "times": 2}),
            ("status", {"method": "POST", "path": "/workflows", "code": 500, "times": 2}),
            ("status", {"method": "PATCH", "path": "/workflows/", "code": 500}),
            ("status", {"path": "/log", "code": 500, "times": 2}),
        ),
        counted="broken",
    ),
    "reset in the body of a list": Case((("cut", {**_LIST, "times": 2}),), counted="broken"),
    "reset in the body of a watch": Case((("cut", {**_WATCH, "after": 3, "times": 2}),), counted="broken"),
    "reset in the body of an answer": Case(
        (("cut", {"method": "POST", "path": "/workflows"}), ("cut", {"method": "PATCH", "path": "/workflows/"}))
    ),
    "timeout after the Workflow was made": Case((("no-answer", {"method": "POST", "path": "/workflows"}),)),
    "timeout after a Secret was made": Case((("no-answer", {"method": "POST", "path": "/secrets"}),)),
    "timeout after it was let run": Case((("no-answer", {"method": "PATCH", "path": "/workflows/"}),)),
    "410 in a watch": Case((("expired", {**_WATCH, "after": 3, "times": 2}),), counted="expired"),
    "410 between the pages of a list": Case(
        (("expired", {**_WATCH, "after": 14}), ("status", {"path": "continue=", "code": 410})),
        counted="expired",
        pace=replace(QUICK, page=1),
    ),
    "silent watch": Case((("silent", {**_WATCH, "after": 5}),), counted="stalled"),
    "missing bookmarks": Case((("no-bookmarks", {"path": "watch=true", "times": 10**9}),)),
    "a line that is no event": Case((("garbage", {**_WATCH, "after": 2}),), counted="expired"),
}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The runner complains, as it should."""
    with capture_logs():
        yield


@pytest.mark.parametrize("name", CASES)
def test_a_fault_is_survived_and_leaves_no_lag(name: str, tmp_path: Path) -> None:
    """Mirror never stops, lag back under 5 s; the rows are what the cluster's runs came to."""
    case = CASES[name]
    with fake_kube() as kube:
        faults = [kube.fault(kind, **words) for kind, words in case.faults]  # type: ignore[arg-type]
        with cluster(tmp_path, kube, pace=case.pace) as at:
            uuid = at.submit("hello")
            write_logs(kube, in_order("hello"))
            play(kube, in_order("hello"))
            until(lambda: has_struck(faults), lambda: f"not all faults struck: {faults}")
            # Only now, so that nothing is cleaned up before the faults have met it.
            end_logs(kube, in_order("hello"))
            assert lag_until(lambda: at.place.record(uuid).status.finished) < LAG_SECONDS
            check_end(at, uuid, "hello")
            after = at.submit("failure")
            end_logs(kube, in_order("failure"))
            play(kube, in_order("failure"))
            assert lag_until(lambda: at.place.record(after).status.finished) < LAG_SECONDS
            check_end(at, after, "failure")
            if case.counted:
                # What another watch says may have been enough to end the runs before.
                until(lambda: any(one.counts[case.counted] for one in at.runner.reflectors.values()))
            until(lambda: not kube.names(WORKFLOWS) and not kube.names(PODS) and not kube.names(SECRETS))
        for fault in faults:
            assert fault.struck == fault.times or (fault.kind == "no-bookmarks" and fault.struck > 0)
        seconds, path = case.pauses
        if path:
            assert pause_after_fault(kube, path) >= seconds
        # Nothing twice: what a lost answer had made was found, not made again.
        made = [name for name in kube.made if name[0] == WORKFLOWS]
        assert len(made) == len(set(made)) == 2


def test_a_watch_without_bookmarks_that_is_compacted_is_listed_again(tmp_path: Path) -> None:
    """Without bookmarks an idle watch knows only an old version, which is gone when it asks again: 410, then a list."""
    with fake_kube() as kube:
        missing = kube.fault("no-bookmarks", path="watch=true", times=10**9)
        with cluster(tmp_path, kube, pace=QUICK) as at:
            uuid = at.submit("hello")
            start, rest = before("hello", b'\\"code\\"')
            end_logs(kube, in_order("hello"))
            play(kube, start)
            until_status(at, uuid, "a", S.RUNNING)
            lists = at.runner.reflectors["pods"].counts["lists"]
            # Others write too, so that the version of the last event is soon too old.
            kube.put("/api/v1/namespaces/other/pods", {"metadata": {"name": "another"}})
            kube.forget_history()
            until(lambda: at.runner.reflectors["pods"].counts["lists"] > lists)
            play(kube, rest)
            assert lag_until(lambda: at.place.record(uuid).status.finished) < LAG_SECONDS
            check_end(at, uuid, "hello")
            assert at.runner.reflectors["pods"].counts["bookmarks"] == 0
        assert missing.struck > 0


@pytest.mark.parametrize("what", ["pod", "workflow"])
def test_what_is_deleted_while_the_watch_is_away_is_known_gone(what: str, tmp_path: Path) -> None:
    """Nothing tells of it: the deletion has left the history when the watch is back. The list shows it by absence."""
    scenario = "pod-deleted-running"
    start, rest = before(scenario, b'"deletionTimestamp"')
    with fake_kube() as kube, cluster(tmp_path, kube, pace=QUICK) as at:
        uuid = at.submit(scenario)
        end_logs(kube, in_order(scenario))
        play(kube, start)
        until_status(at, uuid, "a", S.RUNNING)
        away = [kube.fault("reset", path=f"/{kind}?", watch=True, times=2) for kind in ("pods", "workflows")]
        with kube.changed:
            kube.break_watches()
            for name in kube.names(PODS):
                kube.drop(PODS, name)
            if what == "workflow":
                for name in kube.names(WORKFLOWS):
                    kube.drop(WORKFLOWS, name)
            else:
                play(kube, [event for event in rest if event.kind == "workflows"])
            kube.forget_history()
        until(lambda: has_struck(away), lambda: f"not all faults struck: {away}")
        assert lag_until(lambda: at.place.statuses(uuid)["a"] == [S.FAILED_BACKEND_ERROR]) < LAG_SECONDS
        assert [attempt.exit_code for attempt in at.place.state(uuid).attempts[TaskName("a")]] == [3001]
        # What had not begun is lost with its Workflow, or fails for what it waited for, whichever is known first.
        assert at.place.statuses(uuid)["b"] in ([S.FAILED_UPSTREAM], [S.FAILED_BACKEND_ERROR])
        assert at.end_of(uuid)[0] is W.FAILED
        assert all(at.runner.reflectors[kind].counts["expired"] >= 1 for kind in ("pods", "workflows"))


def has_struck(faults: list[Fault]) -> bool:
    """Whether every fault has done all it was asked for."""
    return all(one.struck == one.times or (one.kind == "no-bookmarks" and one.struck > 0) for one in faults)


def lag_until(is_so: Callable[[], bool]) -> float:
    """How long from now, right after the last change on the cluster, until the rows show it. Units: seconds."""
    began = time.monotonic()
    until(is_so)
    return time.monotonic() - began


def check_end(at: Cluster, uuid: WorkflowUuid, scenario: str) -> None:
    """The rows say what the run came to, and nothing waits."""
    assert at.end_of(uuid) == EXPECTED[scenario]
    assert at.place.mirror.parked == {}
    at.place.settle()
    assert at.place.mirror.lag_seconds == 0


def write_logs(kube: FakeKube, events: tuple[Event, ...]) -> None:
    """Let every container write something."""
    for name in pods_of(events):
        kube.write(name, f"hello from {name}")


def end_logs(kube: FakeKube, events: tuple[Event, ...]) -> None:
    """No container writes any more, so that no end waits for lines."""
    for name in pods_of(events):
        kube.write(name, ended=True)


def pods_of(events: tuple[Event, ...]) -> list[str]:
    """The names of all pods of a recording."""
    return sorted({event.name for event in events if event.kind == "pods"})


def pause_after_fault(kube: FakeKube, path: str) -> float:
    """The time between the first two requests of a path. Units: seconds."""
    times = [at for (_, asked), at in zip(kube.requests, kube.asked_at, strict=True) if path in asked]
    return times[1] - times[0]
