"""The runner for clusters with a real mirror and store, against a fake API server fed with recordings."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from engine.ports import Secret
from gateway.ports.runner import Runner
from gateway.ports.surroundings import Surroundings
from gateway.runners.argo.access import Server
from gateway.runners.argo.runner import ArgoRunner
from gateway.runners.argo.settings import ArgoBackend, Pace
from gateway.services import sleepers
from gateway.store.logs import FileLogs
from gateway.store.session import SqlStore
from tests.fakes.kube import PODS, SECRETS, WORKFLOWS, FakeKube, fake_kube, play
from tests.fakes.recordings import BACKEND, Event, in_order, plan_of
from tests.workplace import Workplace, lines_of, workplace
from translator.argo.target import ArgoTarget
from translator.lifecycle.words import TaskStatus as S
from translator.lifecycle.words import WorkflowStatus as W
from translator.plan.model import WorkflowUuid

PACE = Pace(
    tick=0.03,
    grace=0.6,
    member_grace=0.2,
    finish=5.0,
    log_patience=2.0,
    name_patience=0.1,
    log_silence=5.0,
    watch=60.0,
    watch_silence=5.0,
    first_retry=0.01,
    most_retry=0.1,
    page=3,
    workers=2,
)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Several tests make the runner complain on purpose."""
    with capture_logs():
        yield


@dataclass
class Cluster:
    """A gateway whose only backend is the fake."""

    kube: FakeKube
    place: Workplace
    runner: ArgoRunner

    def submit(self, scenario: str) -> WorkflowUuid:
        """Submit the recorded run, and wait until its Workflow may run."""
        # What is played before the first list shows only how it ended.
        until(lambda: self.runner.online)
        uuid = self.place.submit_plan(plan_of(scenario))
        until(lambda: self.is_resumed() or self.place.record(uuid).status.finished)
        return uuid

    def is_resumed(self) -> bool:
        made = [self.kube.get(WORKFLOWS, name) for name in self.kube.names(WORKFLOWS)]
        return any(one is not None and "suspend" not in one["spec"] for one in made)

    def end_of(self, uuid: WorkflowUuid) -> tuple[W, dict[str, list[S]]]:
        """How the workflow ended, once it is sealed."""
        until(lambda: self.place.record(uuid).sealed, lambda: f"{self.place.state(uuid)}")
        return self.place.record(uuid).status, self.place.statuses(uuid)


@contextmanager
def cluster(home: Path, kube: FakeKube, *, pace: Pace = PACE, **target: Any) -> Iterator[Cluster]:
    """A gateway on the fake cluster; several may follow each other on one `home`."""
    backend = ArgoBackend(
        name=BACKEND,
        target=ArgoTarget(namespace="argo", **target),
        pace=pace,
        service_storage=Secret('{"access_key": "intermediate-secret"}'),
    )
    with gateway_with(home, kube, backend) as at:
        yield at


@contextmanager
def gateway_with(home: Path, kube: FakeKube, backend: ArgoBackend) -> Iterator[Cluster]:
    """A gateway whose only backend is that one, put together as `gateway.main` does."""
    made: list[ArgoRunner] = []

    def runners_of(store: SqlStore, logs: FileLogs) -> dict[str, Runner]:
        def is_sealed(uuid: WorkflowUuid) -> bool:
            with store.reading() as reads:
                found = reads.workflow(uuid)
            return found is not None and found.sealed

        with store.writing() as writes:
            key = writes.signing_key(backend.name, b"any")
        around = Surroundings(is_sealed=is_sealed, logs=logs, signing_key=key)
        made.append(ArgoRunner(backend, Server(url=kube.url), around=around))
        return {backend.name: made[0]}

    with workplace(home, runners_of=runners_of) as place:
        yield Cluster(kube=kube, place=place, runner=made[0])


def until(is_so: Callable[[], bool], what: Callable[[], str] = lambda: "", seconds: float = 15.0) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"it did not come to that: {what()}"
        time.sleep(0.01)


def until_status(at: Cluster, uuid: WorkflowUuid, task: str, status: S) -> None:
    """Wait until the rows say so."""
    until(lambda: at.place.statuses(uuid)[task][-1] is status, lambda: str(at.place.statuses(uuid)))


def before(scenario: str, part: bytes) -> tuple[list[Event], list[Event]]:
    """A recording, cut before the first event that has `part` in it."""
    events = list(in_order(scenario))
    place = next(number for number, event in enumerate(events) if part in event.object)
    return events[:place], events[place:]


def end_logs(kube: FakeKube, *events: Event) -> None:
    """The containers of these pods have ended, and wrote nothing more."""
    for event in events:
        if event.kind == "pods":
            kube.write(event.name, ended=True)


def run_to_the_end(at: Cluster, scenario: str) -> None:
    """Play a recording; what the containers wrote is told before they end."""
    for event in in_order(scenario):
        if event.kind == "pods" and (event.name, "main") not in at.kube.logs:
            at.kube.write(event.name, f"hello from {event.name}", ended=True)
    play(at.kube, in_order(scenario))


def test_it_is_a_runner(tmp_path: Path) -> None:
    with fake_kube() as kube:
        runner: Runner = ArgoRunner(ArgoBackend(name="c"), Server(url=kube.url))
        assert runner is not None


EXPECTED: dict[str, tuple[W, dict[str, list[S]]]] = {
    "hello": (W.COMPLETED, {"a": [S.COMPLETED], "b": [S.COMPLETED]}),
    "failure": (
        W.FAILED,
        {"a": [S.FAILED], "b": [S.FAILED_UPSTREAM], "c": [S.FAILED_UPSTREAM], "d": [S.COMPLETED]},
    ),
    "group": (
        W.COMPLETED,
        {"lead": [S.COMPLETED], "worker": [S.RESCHEDULED, S.COMPLETED], "eval": [S.COMPLETED]},
    ),
    "oom": (W.FAILED_EVICTED, {"a": [S.FAILED_EVICTED]}),
    "pod-deleted-running": (W.FAILED, {"a": [S.FAILED_BACKEND_ERROR], "b": [S.FAILED_UPSTREAM]}),
    "pod-deleted-pending": (W.FAILED, {"a": [S.FAILED_BACKEND_ERROR], "b": [S.FAILED_UPSTREAM]}),
    "deadline": (W.FAILED_EXEC_TIMEOUT, {"a": [S.FAILED_EXEC_TIMEOUT], "b": [S.FAILED_UPSTREAM]}),
    "pending-timeout": (W.FAILED_QUEUE_TIMEOUT, {"a": [S.FAILED_QUEUE_TIMEOUT], "b": [S.FAILED_UPSTREAM]}),
    "image-pull-backoff": (W.FAILED, {"a": [S.FAILED_IMAGE_PULL]}),
    "fan": (W.COMPLETED, {f"t{number}": [S.COMPLETED] for number in range(20)}),
}


@pytest.mark.parametrize("scenario", sorted(EXPECTED))
def test_recorded_runs_end_sealed_and_leave_nothing(scenario: str, tmp_path: Path) -> None:
    with fake_kube() as kube, cluster(tmp_path, kube) as at:
        uuid = at.submit(scenario)
        run_to_the_end(at, scenario)
        assert at.end_of(uuid) == EXPECTED[scenario]
        until(lambda: not kube.names(WORKFLOWS) and not kube.names(PODS) and not kube.names(SECRETS))


@pytest.mark.parametrize("scenario", sorted(EXPECTED.keys() - {"fan"}))
def test_runs_that_sleep_between_events_end_the_same(
    scenario: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No room for anything that is not used at the moment: each of two runs puts the other one to sleep."""
    monkeypatch.setattr(sleepers, "AWAKE_TASKS", 0)
    with fake_kube() as kube, cluster(tmp_path, kube) as at:
        uuid, other = at.submit(scenario), at.submit("fan")
        both = [in_order(scenario), in_order("fan")]
        for events in both:
            for event in events:
                if event.kind == "pods":
                    kube.write(event.name, ended=True)
        for pair in zip_longest(*both):
            play(kube, [event for event in pair if event is not None])
        assert at.end_of(uuid) == EXPECTED[scenario]
        assert at.end_of(other) == EXPECTED["fan"]
        until(lambda: not kube.names(WORKFLOWS) and not kube.names(PODS) and not kube.names(SECRETS))


def test_lines_come_before_the_end_and_are_the_programs_own(tmp_path: Path) -> None:
    with fake_kube() as kube, cluster(tmp_path, kube) as at:
        uuid = at.submit("oom")
        name = in_order("oom")[-1].name
        pod = next(event.name for event in in_order("oom") if event.kind == "pods")
        kube.write(
            pod,
            'time=2026-11-22T04:47:39.346Z level=INFO msg="waiting for signals" argo=true',
            "one",
            "two",
            "Error: exit status 3",
            "three",
            "Error: exit status 137",
        )
        play(kube, in_order("oom"))
        until(lambda: lines_of(at.place.logs, uuid)[:2] == ["one", "two"])
        # The end is held back: the container's log has not ended yet.
        until_status(at, uuid, "a", S.RUNNING)
        at.place.settle()
        assert at.place.statuses(uuid)["a"] == [S.RUNNING]
        kube.write(pod, ended=True)
        assert at.end_of(uuid)[0] is W.FAILED_EVICTED
        assert lines_of(at.place.logs, uuid) == ["one", "two", "Error: exit status 3", "three"], name


def test_a_cancel_shuts_down_and_waits_for_the_pods(tmp_path: Path) -> None:
    """CANCELED only when the pods are gone; one patch {shutdown: Terminate, suspend: null} (argo-verified §6)."""
    start, rest = before("cancel", b'"shutdown"')
    with fake_kube() as kube, cluster(tmp_path, kube) as at:
        uuid = at.submit("cancel")
        play(kube, start)
        until_status(at, uuid, "a", S.RUNNING)
        at.place.cancel(uuid)
        until(lambda: {"spec": {"shutdown": "Terminate", "suspend": None}} in kube.sent("PATCH", "/workflows/"))
        assert at.place.record(uuid).status is W.FAILED_CANCELED
        assert not at.place.record(uuid).sealed
        assert kube.count("DELETE", "/pods/") == 0
        end_logs(kube, *rest)
        play(kube, rest)
        assert at.end_of(uuid) == (W.FAILED_CANCELED, {"a": [S.FAILED_CANCELED], "b": [S.FAILED_CANCELED]})


def test_what_ignores_a_cancel_is_deleted_after_the_grace(tmp_path: Path) -> None:
    start, rest = before("cancel", b'"shutdown"')
    with fake_kube() as kube, cluster(tmp_path, kube) as at:
        uuid = at.submit("cancel")
        play(kube, start)
        until_status(at, uuid, "a", S.RUNNING)
        at.place.cancel(uuid)
        # Argo calls the Workflow finished, the pod runs on.
        play(kube, [event for event in rest if event.kind == "workflows"])
        assert at.end_of(uuid)[0] is W.FAILED_CANCELED
        graces = [body["gracePeriodSeconds"] for body in kube.sent("DELETE", "/pods/")]
        assert graces == [0, 0] or graces[-1] == 0


def test_a_forced_cancel_deletes_at_once(tmp_path: Path) -> None:
    start, rest = before("cancel", b'"shutdown"')
    slow = Pace(**{**{name: getattr(PACE, name) for name in PACE.__slots__}, "grace": 60.0})
    with fake_kube() as kube, cluster(tmp_path, kube, pace=slow) as at:
        uuid = at.submit("cancel")
        play(kube, start)
        until_status(at, uuid, "a", S.RUNNING)
        at.place.cancel(uuid, force=True)
        until(lambda: kube.sent("DELETE", "/pods/") != [])
        assert kube.sent("DELETE", "/pods/")[0]["gracePeriodSeconds"] == 0
        play(kube, [event for event in rest if event.kind == "workflows"])
        assert at.end_of(uuid)[0] is W.FAILED_CANCELED


def test_a_gateway_that_comes_back_goes_on_without_a_gap(tmp_path: Path) -> None:
    """Runs go on when the gateway is down, and it catches up from facts when it returns (design §2)."""
    start, rest = before("hello", b'\\"code\\"')
    pod = next(event.name for event in start if event.kind == "pods")
    with fake_kube() as kube:
        with cluster(tmp_path, kube) as at:
            uuid = at.submit("hello")
            kube.write(pod, "one", "two")
            play(kube, start)
            until(lambda: lines_of(at.place.logs, uuid) == ["one", "two"], lambda: str(at.place.statuses(uuid)))
        kube.write(pod, "three", ended=True)
        for event in rest:
            if event.kind == "pods" and event.name != pod:
                kube.write(event.name, ended=True)
        play(kube, rest)
        with cluster(tmp_path, kube) as at:
            assert at.end_of(uuid) == EXPECTED["hello"]
            assert lines_of(at.place.logs, uuid) == ["one", "two", "three"]
        assert kube.count("POST", "/workflows") == 1


def test_what_vanished_while_the_gateway_was_down_is_lost(tmp_path: Path) -> None:
    """An attempt that is no longer there is reported as FAILED_BACKEND_ERROR, 3001 (ports/runner.py)."""
    start, _ = before("hello", b'\\"code\\"')
    with fake_kube() as kube:
        with cluster(tmp_path, kube) as at:
            uuid = at.submit("hello")
            play(kube, start)
            until_status(at, uuid, "a", S.RUNNING)
        for collection in (PODS, WORKFLOWS):
            for name in kube.names(collection):
                kube.drop(collection, name)
        with cluster(tmp_path, kube) as at:
            status, tasks = at.end_of(uuid)
            assert (status, tasks["a"]) == (W.FAILED, [S.FAILED_BACKEND_ERROR])
            assert at.place.state(uuid).attempts["a"][-1].exit_code == 3001  # type: ignore[index]
        assert kube.count("POST", "/workflows") == 1


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("status", {"method": "POST", "path": "/workflows", "code": 500, "times": 2}),
        ("status", {"method": "POST", "path": "/workflows", "code": 429, "retry_after": "0", "times": 3}),
        ("reset", {"method": "POST", "path": "/workflows", "times": 2}),
        ("lost-answer", {"method": "POST", "path": "/workflows"}),
        ("lost-answer", {"method": "POST", "path": "/secrets"}),
        ("lost-answer", {"method": "PATCH", "path": "/workflows"}),
        ("status", {"method": "POST", "path": "/secrets", "code": 503, "times": 9}),
        ("status", {"path": "/pods?", "watch": False, "code": 500, "times": 2}),
        ("reset", {"path": "/workflows?", "watch": True, "times": 3}),
        ("cut", {"path": "/pods?", "watch": True, "after": 4, "times": 2}),
        ("cut", {"path": "/workflows?", "watch": True, "after": 2, "times": 1}),
        ("expired", {"path": "/pods?", "watch": True, "after": 3, "times": 2}),
        ("garbage", {"path": "/workflows?", "watch": True, "after": 1}),
        ("silent", {"path": "/pods?", "watch": True, "after": 5}),
        ("cut", {"path": "/log", "after": 1}),
        ("status", {"path": "/log", "code": 400, "times": 2}),
    ],
)
def test_a_fault_of_the_cluster_changes_nothing(kind: Any, words: dict[str, Any], tmp_path: Path) -> None:
    quick = Pace(**{**{name: getattr(PACE, name) for name in PACE.__slots__}, "watch_silence": 0.5})
    with fake_kube() as kube:
        fault = kube.fault(kind, **words)
        with cluster(tmp_path, kube, pace=quick) as at:
            uuid = at.submit("hello")
            pods = sorted({event.name for event in in_order("hello") if event.kind == "pods"})
            for name in pods:
                kube.write(name, f"1 {name}", f"2 {name}", ended=True)
            play(kube, in_order("hello"))
            assert at.end_of(uuid) == EXPECTED["hello"]
            assert sorted(lines_of(at.place.logs, uuid)) == [f"{n} {name}" for n in (1, 2) for name in pods]
        assert fault.struck == fault.times
        created = [path for method, path in kube.requests if method == "POST" and path == WORKFLOWS]
        assert len(kube.names(WORKFLOWS)) == 0
        assert created


def test_a_history_that_was_compacted_is_listed_again(tmp_path: Path) -> None:
    with fake_kube() as kube, cluster(tmp_path, kube) as at:
        uuid = at.submit("hello")
        until(lambda: at.runner.online)
        cut = kube.fault("cut", path="/pods?", watch=True, after=0)
        gone = kube.fault("reset", path="/pods?", watch=True, times=1)
        run_to_the_end(at, "hello")
        kube.forget_history()
        assert at.end_of(uuid) == EXPECTED["hello"]
        assert cut.times == gone.times


def test_what_the_cluster_refuses_fails_the_groups(tmp_path: Path) -> None:
    """Building or creating the objects failed: FAILED_SERVER_ERROR, 3002 (workflow-spec.md §5.2)."""
    with fake_kube() as kube:
        fault = kube.fault("status", method="POST", path="/secrets", code=403, times=99)
        with cluster(tmp_path, kube) as at:
            uuid = at.submit("hello")
            status, tasks = at.end_of(uuid)
            assert (status, tasks["a"]) == (W.FAILED_SERVER_ERROR, [S.FAILED_SERVER_ERROR])
            assert fault.struck == 1
            until(lambda: not kube.names(WORKFLOWS))


def test_a_workflow_of_that_name_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    name = in_order("hello")[0].name
    with fake_kube() as kube:
        kube.put(WORKFLOWS, {"metadata": {"name": name, "labels": {"osmo.workflow_uuid": "another"}}, "spec": {}})
        with cluster(tmp_path, kube) as at:
            uuid = at.submit("hello")
            assert at.end_of(uuid)[0] is W.FAILED_SERVER_ERROR
        assert kube.names(WORKFLOWS) == [name]


def test_an_unreadable_object_never_stops_the_rest(tmp_path: Path) -> None:
    with fake_kube() as kube, cluster(tmp_path, kube) as at:
        uuid = at.submit("hello")
        labels = {"osmo.workflow_uuid": str(uuid)}
        kube.put(PODS, {"metadata": {"name": "odd", "labels": labels}, "spec": 7, "status": {"phase": []}})
        run_to_the_end(at, "hello")
        until(lambda: at.place.record(uuid).status is W.COMPLETED)
        assert at.runner.reflectors["pods"].counts["unreadable"] >= 1


def test_nothing_is_left_when_it_stops(tmp_path: Path) -> None:
    import threading  # noqa: PLC0415

    earlier = set(threading.enumerate())
    with fake_kube() as kube, cluster(tmp_path, kube) as at:
        uuid = at.submit("cancel")
        start, _ = before("cancel", b'"shutdown"')
        play(kube, start)
        until_status(at, uuid, "a", S.RUNNING)
        began = time.monotonic()
        at.runner.stop()
        assert time.monotonic() - began < 3
        names = {thread.name for thread in set(threading.enumerate()) - earlier}
        assert not [name for name in names if name.startswith(("argo", "reflect", "log /", "log uid"))]
