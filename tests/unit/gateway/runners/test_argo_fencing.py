"""A process that does not act on its cluster any more: nothing is sent, nothing is kept, nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.ports.faults import StoreUnavailable
from gateway.ports.runner import Runner
from gateway.ports.surroundings import Surroundings
from gateway.runners.argo.access import Server
from gateway.runners.argo.client import KubeClient
from gateway.runners.argo.deeds import Deeds
from gateway.runners.argo.faults import ClusterError, NotThere, TryAgain
from gateway.runners.argo.runner import ArgoRunner
from gateway.runners.argo.settings import ArgoBackend
from gateway.runners.argo.strays import Strays
from gateway.store.logs import FileLogs
from gateway.store.session import SqlStore
from tests.fakes.kube import SECRETS, WORKFLOWS, FakeKube, fake_kube
from tests.unit.argo.plans import plan, single
from tests.unit.gateway.runners.test_argo_effects import BACKEND, RUNNING, ended, put_pod, submit
from tests.unit.gateway.runners.test_argo_runner import PACE, Cluster, cluster, until
from tests.workplace import lines_of, workplace
from translator.argo.observe_objects import Meta
from translator.argo.target import ArgoTarget
from translator.lifecycle.words import WorkflowStatus as W
from translator.plan.model import WorkflowUuid

UUID = WorkflowUuid("1" * 32)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The runner says what it leaves to others."""
    with capture_logs():
        yield


class Leads:
    """Whether the process acts."""

    def __init__(self) -> None:
        self.now = True

    def __call__(self) -> bool:
        """Now."""
        return self.now


@contextmanager
def at_work(home: Path, kube: FakeKube, leads: Leads) -> Iterator[Cluster]:
    """A gateway that acts as long as it is told so."""
    backend = ArgoBackend(name=BACKEND, target=ArgoTarget(namespace="argo"), pace=PACE)
    made: list[ArgoRunner] = []

    def runners_of(_store: SqlStore, logs: FileLogs) -> dict[str, Runner]:
        made.append(ArgoRunner(backend, Server(url=kube.url), around=Surroundings(may_act=leads, logs=logs)))
        return {BACKEND: made[0]}

    with workplace(home, runners_of=runners_of) as place:
        yield Cluster(kube=kube, place=place, runner=made[0])


def test_lines_that_come_while_another_one_acts_are_read_when_it_acts_again(tmp_path: Path) -> None:
    made, leads = plan(single("a")), Leads()
    with fake_kube() as kube, at_work(tmp_path, kube, leads) as at:
        uuid = submit(at, made)
        pod = put_pod(at, made, "a", RUNNING, log=False)
        kube.write(pod, "one")
        until(lambda: lines_of(at.place.logs, uuid) == ["one"])
        leads.now = False
        kube.write(pod, "two", "three")
        asked = kube.count("GET", "/log")
        # It asks again and again, and keeps nothing.
        until(lambda: kube.count("GET", "/log") >= asked + 2)
        assert lines_of(at.place.logs, uuid) == ["one"]
        leads.now = True
        until(lambda: lines_of(at.place.logs, uuid) == ["one", "two", "three"])
        kube.write(pod, ended=True)
        put_pod(at, made, "a", ended(0), log=False)
        until(lambda: at.place.record(uuid).status is W.COMPLETED)
        assert lines_of(at.place.logs, uuid) == ["one", "two", "three"]


def test_nothing_is_sent_while_another_one_acts() -> None:
    leads = Leads()
    with fake_kube() as kube:
        client = KubeClient(Server(url=kube.url))
        deeds = Deeds(client, leads)
        deeds.create(SECRETS, b'{"metadata": {"name": "s"}}')
        leads.now = False
        with pytest.raises(TryAgain):
            deeds.create(SECRETS, b'{"metadata": {"name": "t"}}')
        with pytest.raises(TryAgain):
            deeds.patch(f"{SECRETS}/s", {})
        with pytest.raises(TryAgain):
            deeds.delete(f"{SECRETS}/s", {})
        assert [method for _, method, _ in kube.deeds] == ["POST"]
        client.close()


def test_what_is_left_of_a_run_that_is_over_is_removed(tmp_path: Path) -> None:
    """A request that was on its way while its sender was replaced makes a Workflow that nobody looks after."""
    made = plan(single("a"))
    with fake_kube() as kube, cluster(tmp_path, kube) as at:
        uuid = at.place.submit_plan(made)
        until(lambda: len(kube.names(WORKFLOWS)) == 1)
        left = kube.get(WORKFLOWS, kube.names(WORKFLOWS)[0]) or {}
        at.place.cancel(uuid)
        # What is being created is left to it for a minute.
        at.place.advance(61)
        until(lambda: at.place.record(uuid).sealed and not kube.names(WORKFLOWS))
        foreign = {"name": "foreign", "labels": {"osmo.workflow_uuid": "f" * 32}}
        kube.put(WORKFLOWS, {**left, "metadata": foreign})
        kube.put(WORKFLOWS, left)
        until(lambda: kube.names(WORKFLOWS) == ["foreign"])


def test_left_overs_are_deleted_once_and_those_of_others_never() -> None:
    deleted: list[tuple[str, str]] = []
    faults: list[Exception] = [TryAgain("busy"), NotThere("gone")]

    def delete(name: str, uid: str) -> None:
        if faults:
            raise faults.pop(0)
        deleted.append((name, uid))

    strays = Strays(lambda uuid: uuid == UUID, delete)
    strays.seen(UUID, Meta(name="again", uid="u0"))
    strays.collect(lambda _: False)
    strays.collect(lambda _: False)
    assert (faults, deleted) == ([], [])
    strays.seen(UUID, Meta(name="over", uid="u1"))
    strays.seen(WorkflowUuid("2" * 32), Meta(name="unknown", uid="u2"))
    strays.seen(UUID, Meta(name="seen-off", uid="u3"))
    strays.gone("seen-off")
    strays.collect(lambda _: False)
    strays.collect(lambda _: False)
    assert deleted == [("over", "u1")]


def test_left_overs_wait_for_the_database() -> None:
    deleted: list[str] = []
    answers: list[bool | Exception] = [StoreUnavailable("not now"), True]

    def is_sealed(_uuid: WorkflowUuid) -> bool:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    strays = Strays(is_sealed, lambda name, _: deleted.append(name))
    strays.seen(UUID, Meta(name="over", uid="u"))
    strays.collect(lambda _: False)
    assert deleted == []
    strays.collect(lambda _: True)
    strays.seen(UUID, Meta(name="over", uid="u"))
    strays.collect(lambda _: False)
    assert (deleted, answers) == (["over"], [])
    assert issubclass(TryAgain, ClusterError)
