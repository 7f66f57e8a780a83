"""Members of a group of which something goes wrong, with pods made by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.runners.argo.settings import ArgoBackend
from tests.fakes.kube import PODS, FakeKube, fake_kube
from tests.unit.argo.plans import group, plan, rule, single, task, team
from tests.unit.gateway.runners.test_argo_effects import (
    BACKEND,
    RUNNING,
    at_work,
    end_workflows,
    ended,
    put_pod,
    shutdowns,
    submit,
)
from tests.unit.gateway.runners.test_argo_runner import PACE, Cluster, gateway_with, until, until_status
from tests.workplace import lines_of
from translator.argo.target import ArgoTarget
from translator.lifecycle.words import TaskStatus as S
from translator.lifecycle.words import WorkflowStatus as W
from translator.plan.model import ExitAction

NO_IMAGE = {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Several tests make the runner complain on purpose."""
    with capture_logs():
        yield


def end_lead(at: Cluster, made: Any) -> None:
    put_pod(at, made, "lead", ended(0))
    end_workflows(at)


def test_a_member_without_image_does_not_hold_the_barrier(tmp_path: Path) -> None:
    """§5.5 a task that ended does not count, announced or not: its name has to be gone for the others to see it."""
    made = plan(team("g", "lead", "worker", barrier=True, ignore_nonlead_status=True))
    with fake_kube() as kube, at_work(tmp_path, kube) as at:
        uuid = submit(at, made)
        worker = put_pod(at, made, "worker", NO_IMAGE)
        until_status(at, uuid, "worker", S.FAILED_IMAGE_PULL)
        # While the lead does not run, nobody would see that the name went.
        assert kube.count("DELETE", worker) == 0
        put_pod(at, made, "lead", RUNNING, log=False)
        until(lambda: kube.count("DELETE", worker) == 1)
        kube.drop(PODS, worker)
        end_lead(at, made)
        assert at.end_of(uuid) == (W.COMPLETED, {"lead": [S.COMPLETED], "worker": [S.FAILED_IMAGE_PULL]})
        assert (kube.count("DELETE", worker), shutdowns(at)) == (1, 0)


def test_an_attempt_that_only_argo_wants_is_taken_away(tmp_path: Path) -> None:
    """Argo cannot tell a missing image from other ends without a code, and may try again what has failed."""
    again = rule(ExitAction.RESCHEDULE, (3006, 3006))
    lead, worker = task("lead"), task("worker", lead=False, exit_rules=(again,), max_retries=2)
    made = plan(group("g", lead, worker, ignore_nonlead_status=True))
    with fake_kube() as kube, at_work(tmp_path, kube) as at:
        uuid = submit(at, made)
        put_pod(at, made, "lead", RUNNING, log=False)
        first = put_pod(at, made, "worker", NO_IMAGE)
        until(lambda: kube.count("DELETE", first) == 1)
        kube.drop(PODS, first)
        second = put_pod(at, made, "worker", RUNNING, retry_id=1)
        until(lambda: kube.count("DELETE", second) == 1)
        kube.drop(PODS, second)
        end_lead(at, made)
        assert at.end_of(uuid) == (W.COMPLETED, {"lead": [S.COMPLETED], "worker": [S.FAILED_IMAGE_PULL]})


def put_coordinator(kube: FakeKube, pod: str, state: dict[str, Any]) -> None:
    """Change the state of a pod's native sidecar."""
    body = kube.get(PODS, pod)
    assert body is not None
    body["status"]["initContainerStatuses"] = [{"name": "osmo-ctrl", "state": state}]
    kube.put(PODS, body)


def test_lines_of_a_coordinator_that_was_started_again_are_read(tmp_path: Path) -> None:
    made = plan(team("g", "lead", "worker"))
    with fake_kube() as kube, at_work(tmp_path, kube) as at:
        uuid = submit(at, made)
        lead = put_pod(at, made, "lead", RUNNING, log=False)
        put_coordinator(kube, lead, ended(1))
        kube.write(lead, "before", container="osmo-ctrl", ended=True)
        until(lambda: "before" in lines_of(at.place.logs, uuid))
        kube.logs[lead, "osmo-ctrl"].ended = False
        kube.write(lead, "after", container="osmo-ctrl")
        put_coordinator(kube, lead, RUNNING)
        until(lambda: "after" in lines_of(at.place.logs, uuid))
        kube.write(lead, container="osmo-ctrl", ended=True)
        kube.write(lead, ended=True)
        put_pod(at, made, "lead", ended(0))
        put_coordinator(kube, lead, ended(0))
        put_pod(at, made, "worker", ended(0))
        end_workflows(at)
        assert at.end_of(uuid)[0] is W.COMPLETED
        told = [line for line in lines_of(at.place.logs, uuid) if line in ("before", "after")]
        assert told == ["before", "after"]


def test_a_pod_whose_program_has_ended_finishes_by_itself(tmp_path: Path) -> None:
    """Deleted before Argo has seen its end, a node may become "Error: pod deleted", and what follows it is omitted."""
    made = plan(single("a"), single("b"), single("c"))
    with fake_kube() as kube, at_work(tmp_path, kube) as at:
        uuid = submit(at, made)
        put_pod(at, made, "c", RUNNING, log=False)
        pod = put_pod(at, made, "a", ended(0), phase="Running")
        until_status(at, uuid, "a", S.COMPLETED)
        put_pod(at, made, "b", ended(0))
        # What is called for of both groups is done at the same time.
        until(lambda: at.place.state(uuid).groups[made.groups[1].name].cleaned_up)
        assert kube.count("DELETE", pod) == 0
        put_pod(at, made, "a", ended(0))
        until(lambda: at.place.state(uuid).groups[made.groups[0].name].cleaned_up)
        put_pod(at, made, "c", ended(0))
        end_workflows(at)
        assert at.end_of(uuid)[0] is W.COMPLETED


def test_a_lead_that_finishes_is_not_hurried_and_neither_are_the_others(tmp_path: Path) -> None:
    """The coordinator stops the others when the lead's program has ended; the lead's pod has then still to finish."""
    made = plan(team("g", "lead", "worker"), single("b"), single("c"))
    backend = ArgoBackend(
        name=BACKEND, target=ArgoTarget(namespace="argo"), pace=replace(PACE, member_grace=PACE.finish)
    )
    with fake_kube() as kube, gateway_with(tmp_path, kube, backend) as at:
        uuid = submit(at, made)
        put_pod(at, made, "c", RUNNING, log=False)
        worker = put_pod(at, made, "worker", RUNNING)
        lead = put_pod(at, made, "lead", ended(0), phase="Running")
        until_status(at, uuid, "lead", S.COMPLETED)
        put_pod(at, made, "b", ended(0))
        until(lambda: at.place.state(uuid).groups[made.groups[1].name].cleaned_up)
        assert (kube.count("DELETE", lead), kube.count("DELETE", worker)) == (0, 0)
        put_pod(at, made, "worker", ended(0, stopped=True))
        put_pod(at, made, "lead", ended(0))
        until(lambda: at.place.state(uuid).groups[made.groups[0].name].cleaned_up)
        put_pod(at, made, "c", ended(0))
        end_workflows(at)
        assert at.end_of(uuid)[0] is W.COMPLETED
