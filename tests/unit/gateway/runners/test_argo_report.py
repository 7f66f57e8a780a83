"""What a running runner tells of its backend: whether it answers, what it is, its nodes, and why no pod is made."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from engine.ports import EventLine, LogLine
from gateway.ports.backends import BackendReport, Reporting
from gateway.runners.argo.access import Server
from gateway.runners.argo.client import KubeClient
from gateway.runners.argo.heartbeat import Heartbeat
from gateway.runners.argo.runner import ArgoRunner
from gateway.runners.argo.settings import ArgoBackend
from tests.fakes.argo_cluster import NODES, ArgoCluster, argo_cluster, node
from tests.fakes.kube import WORKFLOWS, fake_kube
from tests.unit.gateway.runners.test_argo_runner import PACE, Cluster, cluster, until
from translator.lifecycle.facts import AnyFact
from translator.plan.model import WorkflowUuid


class NoSink:
    """Nothing runs."""

    def facts(self, workflow: WorkflowUuid, facts: Sequence[AnyFact]) -> None:
        """Nothing."""

    def facts_of_many(self, facts: Mapping[WorkflowUuid, Sequence[AnyFact]]) -> None:
        """Nothing."""

    def lines(self, workflow: WorkflowUuid, lines: Sequence[LogLine]) -> None:
        """Nothing."""

    def events(self, workflow: WorkflowUuid, events: Sequence[EventLine]) -> None:
        """Nothing."""


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield


@contextmanager
def running(around: ArgoCluster) -> Iterator[ArgoRunner]:
    runner = ArgoRunner(ArgoBackend(name="edge", pace=PACE), Server(url=around.kube.url))
    runner.start(NoSink())
    try:
        yield runner
    finally:
        runner.stop()


def names(report: BackendReport) -> list[str] | None:
    return None if report.nodes is None else [one.name for one in report.nodes]


def test_a_backend_that_answers_says_what_it_is() -> None:
    with fake_kube() as kube:
        around = argo_cluster(kube)
        around.groups.append("scheduling.run.ai")
        with running(around) as runner:
            assert isinstance(runner, Reporting)
            until(lambda: runner.report().online and bool(runner.report().capabilities))
            found = runner.report()
    assert (found.version, found.kubernetes, found.cluster_uid) == ("4.1.2", "1.34.4", "uid-of-kube-system")
    assert found.capabilities == ("full-crds", "kai")
    assert found.heartbeat is not None


def test_nodes_are_kept_up_with() -> None:
    with fake_kube() as kube:
        around = argo_cluster(kube)
        with running(around) as runner:
            until(lambda: names(runner.report()) == ["node-1"])
            (seen,) = runner.report().nodes or ()
            assert (seen.backend, seen.allocatable.cpu, seen.allocatable.gpu) == ("edge", 8, 2)
            assert seen.allocatable.memory_bytes == 32 * 1024**3
            assert seen.conditions == {"MemoryPressure": "False", "Ready": "True"}
            kube.put(NODES, node("node-2", kind="gpu"))
            until(lambda: names(runner.report()) == ["node-1", "node-2"])
            around.change(NODES, "node-2", lambda found: found["spec"].update(unschedulable=True))
            until(lambda: any(one.unschedulable for one in runner.report().nodes or ()))
            kube.drop(NODES, "node-1")
            until(lambda: names(runner.report()) == ["node-2"])


def test_a_gateway_that_may_not_see_nodes_runs_all_the_same() -> None:
    with fake_kube() as kube:
        around = argo_cluster(kube)
        fault = kube.fault("status", path="/api/v1/nodes", code=403, times=1000)
        with running(around) as runner:
            until(lambda: runner.report().online and fault.struck > 0)
            assert runner.report().nodes is None


def test_a_backend_is_offline_two_minutes_after_it_answered_last() -> None:
    """api.md §8.3: `online` (heartbeat within 2 minutes)."""
    now = datetime(2026, 1, 1)
    with fake_kube() as kube:
        argo_cluster(kube)
        client, stopped = KubeClient(Server(url=kube.url)), threading.Event()
        heart = Heartbeat(client, "argo", stopped, lambda: now, every_seconds=0.01)
        heart.start()
        try:
            until(lambda: heart.online)
            kube.fault("status", path="/version", code=500, times=10**6)
            until(lambda: kube.faults[-1].struck > 1)
            assert heart.online
            now += timedelta(minutes=2, seconds=1)
            assert not heart.online
        finally:
            stopped.set()
            heart.stop()
            client.close()


def events_of(at: Cluster, uuid: WorkflowUuid) -> list[tuple[str, str]]:
    with at.place.store.reading() as reads:
        return [(event.task, event.reason) for event in reads.events(uuid)]


def test_a_quota_that_is_used_up_is_told_once(tmp_path: Path) -> None:
    """Argo marks the node of a pod that it may not make as pending, with the API server's answer."""
    with fake_kube() as kube, cluster(tmp_path, kube) as at:
        uuid = at.submit("hello")
        (name,) = kube.names(WORKFLOWS)
        for used in (3, 4, 5, 6):
            made = kube.get(WORKFLOWS, name)
            assert made is not None
            waiting = {
                "id": f"{name}-1",
                "name": f"{name}.a",
                "displayName": "a",
                "type": "Pod",
                "phase": "Pending",
                "message": f'pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods={used}',
            }
            made["status"] = {"phase": "Running", "nodes": {waiting["id"]: waiting}}
            kube.put(WORKFLOWS, made)
            until(lambda: bool(events_of(at, uuid)), lambda: "no event")
        count = at.runner.reflectors["workflows"].counts["events"]
        assert made is not None
        kube.put(WORKFLOWS, made)
        until(lambda: at.runner.reflectors["workflows"].counts["events"] > count)
        assert events_of(at, uuid) == [("a", "ExceededQuota")]
