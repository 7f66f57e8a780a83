"""What the runner does on a cluster for each effect, with pods made by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from gateway.runners.argo.settings import ArgoBackend
from tests.fakes.kube import EVENTS, PODS, WORKFLOWS, FakeKube, fake_kube
from tests.unit.argo.plans import plan, rule, single, team
from tests.unit.gateway.runners.test_argo_runner import PACE, Cluster, gateway_with, until, until_status
from translator.argo.gates import gates_of
from translator.argo.observe_objects import packed, unpacked
from translator.argo.target import ArgoTarget, Limits
from translator.lifecycle.words import TaskStatus as S
from translator.lifecycle.words import WorkflowStatus as W
from translator.plan.model import ExitAction, Plan, WorkflowUuid

BACKEND = "cluster"
RUNNING = {"running": {"startedAt": "2026-11-22T05:00:01Z"}}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Several tests make the runner complain on purpose."""
    with capture_logs():
        yield


@contextmanager
def at_work(home: Path, kube: FakeKube, **target: Any) -> Iterator[Cluster]:
    backend = ArgoBackend(name=BACKEND, target=ArgoTarget(namespace="argo", **target), pace=PACE)
    with gateway_with(home, kube, backend) as at:
        yield at


def submit(at: Cluster, made: Plan) -> WorkflowUuid:
    uuid = at.place.submit_plan(made)
    until(at.is_resumed)
    return uuid


def ended(code: int, own_code: int | None = None, **report: Any) -> dict[str, Any]:
    """The state of a container that ended with `code`; its program with `own_code`."""
    told = {"v": 1, "code": code if own_code is None else own_code, "phase": "upload", **report}
    return {
        "terminated": {
            "exitCode": code,
            "reason": "Completed" if code == 0 else "Error",
            "message": msgspec.json.encode(told).decode(),
            "startedAt": "2026-11-22T05:00:01Z",
            "finishedAt": "2026-11-22T05:00:09Z",
        }
    }


def put_pod(
    at: Cluster, made: Plan, name: str, main: dict[str, Any], *, retry_id: int = 0, phase: str = "", log: bool = True
) -> str:
    """Create or change the pod of an attempt; its log has ended if `log`."""
    found = next(one for group in made.groups for one in group.tasks if one.name == name)
    if not phase:
        phase = {"running": "Running", "waiting": "Pending"}.get(next(iter(main)), "")
        phase = phase or ("Succeeded" if main["terminated"]["exitCode"] == 0 else "Failed")
    pod = f"pod-{name}-{retry_id}"
    if log:
        at.kube.write(pod, ended=True)
    body = {
        "metadata": {
            "name": pod,
            "uid": f"uid-{pod}",
            "creationTimestamp": "2026-11-22T05:00:00Z",
            "labels": {
                "osmo.workflow_uuid": made.workflow_uuid,
                "osmo.task_uuid": found.uuid,
                "osmo.retry_id": str(retry_id),
                "workflows.argoproj.io/completed": "true" if phase in ("Succeeded", "Failed") else "false",
            },
            "finalizers": ["workflows.argoproj.io/status"],
        },
        "spec": {"nodeName": "node-1"},
        "status": {"phase": phase, "containerStatuses": [{"name": "main", "state": main}]},
    }
    at.kube.put(PODS, body)
    return pod


def end_workflows(at: Cluster, phase: str = "Succeeded") -> None:
    """Argo is done with all Workflows."""
    for name in at.kube.names(WORKFLOWS):
        body = at.kube.get(WORKFLOWS, name)
        if body is not None:
            status = {**body.get("status", {}), "phase": phase, "finishedAt": "2026-11-22T05:01:00Z"}
            at.kube.put(WORKFLOWS, {**body, "status": status})


def shutdowns(at: Cluster) -> int:
    return sum("shutdown" in body.get("spec", {}) for body in at.kube.sent("PATCH", "/workflows/"))


@pytest.mark.parametrize("is_packed", [False, True])
def test_gates_between_workflows_are_released_when_their_groups_completed(is_packed: bool, tmp_path: Path) -> None:
    made = plan(single("a"), single("b", ["a"]), single("c", ["b"]))
    with fake_kube() as kube, at_work(tmp_path, kube, limits=Limits(nodes=2)) as at:
        uuid = submit(at, made)
        until(lambda: kube.count("PATCH", "/workflows/") == 2)
        second = kube.names(WORKFLOWS)[1]
        body = kube.get(WORKFLOWS, second)
        assert body is not None
        (gate,) = gates_of(body["metadata"]["annotations"], made)
        nodes = {gate.node_id: {"id": gate.node_id, "type": "Suspend", "phase": "Running", "displayName": gate.name}}
        as_packed = {"compressedNodes": packed(msgspec.json.encode(nodes))}
        kube.put(WORKFLOWS, {**body, "status": {"phase": "Running", **(as_packed if is_packed else {"nodes": nodes})}})
        put_pod(at, made, "a", ended(0))
        until_status(at, uuid, "b", S.PROCESSING)
        assert kube.count("PATCH", second) == 1
        put_pod(at, made, "b", ended(0))

        def phase() -> str:
            status = (kube.get(WORKFLOWS, second) or {"status": {}})["status"]
            held = msgspec.json.decode(unpacked(status["compressedNodes"])) if is_packed else status["nodes"]
            return str(held[gate.node_id]["phase"])

        until(lambda: phase() == "Succeeded")
        put_pod(at, made, "c", ended(0))
        end_workflows(at)
        assert at.end_of(uuid)[0] is W.COMPLETED
        assert shutdowns(at) == 0


def test_an_image_that_is_to_be_tried_again_makes_room_for_the_next_attempt(tmp_path: Path) -> None:
    """Argo makes a further attempt only when the pod has failed, and one that waits for its image never does."""
    again = rule(ExitAction.RESCHEDULE, (301, 302))
    made = plan(single("a", exit_rules=(again,), max_retries=1))
    with fake_kube() as kube, at_work(tmp_path, kube) as at:
        uuid = submit(at, made)
        first = put_pod(at, made, "a", {"waiting": {"reason": "ErrImagePull", "message": "no such image"}})
        until(lambda: kube.count("DELETE", first) == 1)
        assert at.place.statuses(uuid)["a"] == [S.RESCHEDULED, S.PROCESSING]
        kube.drop(PODS, first)
        put_pod(at, made, "a", ended(0), retry_id=1)
        end_workflows(at)
        assert at.end_of(uuid) == (W.COMPLETED, {"a": [S.RESCHEDULED, S.COMPLETED]})


def test_an_attempt_that_argo_began_by_itself_is_told_when_it_is_asked_for(tmp_path: Path) -> None:
    made = plan(single("a", exit_rules=(rule(ExitAction.RESCHEDULE, (3, 3)),), max_retries=2))
    with fake_kube() as kube, at_work(tmp_path, kube) as at:
        uuid = submit(at, made)
        put_pod(at, made, "a", RUNNING, retry_id=1, log=False)
        put_pod(at, made, "a", ended(251, 3, action="RESCHEDULE"))
        until(lambda: at.place.statuses(uuid)["a"] == [S.RESCHEDULED, S.RUNNING])
        put_pod(at, made, "a", ended(0), retry_id=1)
        end_workflows(at)
        assert at.end_of(uuid)[0] is W.COMPLETED


@pytest.mark.parametrize("is_quick", [False, True])
def test_an_attempt_that_argo_does_not_make_fails(is_quick: bool, tmp_path: Path) -> None:
    """Re-creating a rescheduled task failed: FAILED_BACKEND_ERROR, 3001 (workflow-spec.md §5.2)."""
    made = plan(single("a", exit_rules=(rule(ExitAction.RESCHEDULE, (3, 3)),), max_retries=2))
    with fake_kube() as kube, at_work(tmp_path, kube) as at:
        uuid = submit(at, made)
        put_pod(at, made, "a", ended(251, 3, action="RESCHEDULE"))
        if not is_quick:
            until(lambda: at.place.statuses(uuid)["a"] == [S.RESCHEDULED, S.PROCESSING])
        end_workflows(at, "Failed")
        assert at.end_of(uuid) == (W.FAILED, {"a": [S.RESCHEDULED, S.FAILED_BACKEND_ERROR]})


def test_members_that_do_not_end_with_their_lead_are_deleted(tmp_path: Path) -> None:
    """If a member cannot be reached, the gateway deletes its pod after a grace time (design §6)."""
    made = plan(team("g", "lead", "worker"), single("other"))
    with fake_kube() as kube, at_work(tmp_path, kube) as at:
        uuid = submit(at, made)
        put_pod(at, made, "other", RUNNING, log=False)
        worker = put_pod(at, made, "worker", RUNNING)
        put_pod(at, made, "lead", ended(0))
        until(lambda: kube.count("DELETE", worker) >= 1)
        assert at.place.statuses(uuid) == {"lead": [S.COMPLETED], "worker": [S.COMPLETED], "other": [S.RUNNING]}
        put_pod(at, made, "worker", ended(250, 0, stopped=True))
        until(lambda: at.place.state(uuid).groups[made.groups[0].name].cleaned_up)
        assert (shutdowns(at), at.place.statuses(uuid)["other"]) == (0, [S.RUNNING])
        put_pod(at, made, "other", ended(0))
        end_workflows(at)
        assert at.end_of(uuid)[0] is W.COMPLETED


def test_a_workflow_that_somebody_deletes_is_lost(tmp_path: Path) -> None:
    made = plan(single("a"), single("b", ["a"]))
    with fake_kube() as kube, at_work(tmp_path, kube) as at:
        uuid = submit(at, made)
        pod = put_pod(at, made, "a", RUNNING)
        until_status(at, uuid, "a", S.RUNNING)
        kube.drop(WORKFLOWS, kube.names(WORKFLOWS)[0])
        kube.drop(PODS, pod)
        status, tasks = at.end_of(uuid)
        assert (status, tasks["a"]) == (W.FAILED, [S.FAILED_BACKEND_ERROR])
        assert kube.count("POST", "/workflows") == 1


def test_a_workflow_that_argo_refuses_fails(tmp_path: Path) -> None:
    with fake_kube() as kube, at_work(tmp_path, kube) as at:
        uuid = submit(at, plan(single("a")))
        body = kube.get(WORKFLOWS, kube.names(WORKFLOWS)[0])
        assert body is not None
        status = {"phase": "Error", "message": "invalid spec: no", "finishedAt": "2026-11-22T05:00:09Z"}
        kube.put(WORKFLOWS, {**body, "status": status})
        assert at.end_of(uuid) == (W.FAILED_SERVER_ERROR, {"a": [S.FAILED_SERVER_ERROR]})
        assert "invalid spec: no" in str(at.place.state(uuid).groups)


def test_events_of_pods_are_kept_once(tmp_path: Path) -> None:
    with fake_kube() as kube, at_work(tmp_path, kube) as at:
        made = plan(single("a"))
        uuid = submit(at, made)
        event = {
            "metadata": {"name": "e1", "uid": "e1"},
            "involvedObject": {"kind": "Pod", "name": "pod-a-0"},
            "reason": "Scheduled",
            "message": "assigned",
            "lastTimestamp": "2026-11-22T05:00:00Z",
        }
        kube.put(EVENTS, event)
        until(
            lambda: at.runner.reflectors["events"].counts["events"] + at.runner.reflectors["events"].counts["lists"] > 1
        )
        put_pod(at, made, "a", RUNNING)
        kube.put(EVENTS, event)
        put_pod(at, made, "a", ended(0))
        end_workflows(at)
        assert at.end_of(uuid)[0] is W.COMPLETED
        with at.place.store.reading() as reads:
            found = [(one.task, one.reason, one.message) for one in reads.events(uuid)]
        assert found == [("a", "Scheduled", "assigned")]


def test_secrets_of_the_run_travel_in_secrets_alone(tmp_path: Path) -> None:
    made = plan(single("a", environment={"WORD": "not in a template"}))
    with fake_kube() as kube, at_work(tmp_path, kube) as at:
        submit(at, made)
        (workflow,) = kube.sent("POST", "/workflows")
        assert "not in a template" not in str(workflow)
        assert workflow["spec"]["suspend"] is True
        owners = [body["metadata"]["ownerReferences"][0]["uid"] for body in kube.sent("POST", "/secrets")]
        assert set(owners) == {(kube.get(WORKFLOWS, workflow["metadata"]["name"]) or {})["metadata"]["uid"]}
