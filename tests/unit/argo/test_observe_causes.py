"""Pods and what they prove, row by row. Source: workflow-spec.md §5.2, §5.6."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from tests.unit.argo.plans import UUID, plan, single, team
from translator.argo.observe import Attempt, RunIndex, nodes_facts, pod_facts, refusal_facts
from translator.argo.observe_objects import Node, Pod, Workflow
from translator.argo.observe_report import report_of, sidecar_code
from translator.lifecycle.facts import DatasetMade
from translator.lifecycle.words import TaskStatus as S
from translator.plan.model import GroupName, TaskName

NOW = datetime(2026, 11, 22, 12, 0, 0)
ATTEMPT = Attempt(task=TaskName("a"), retry_id=0)
FINALIZERS = ["workflows.argoproj.io/status"]


def pod(
    phase: str = "Running",
    *,
    main: dict[str, Any] | None = None,
    others: dict[str, dict[str, Any]] | None = None,
    inits: dict[str, dict[str, Any]] | None = None,
    conditions: list[dict[str, Any]] | None = None,
    meta: dict[str, Any] | None = None,
    **status: Any,
) -> Pod:
    """A pod on a node. Shape: containers by name, each with its state."""
    containers = {**({"main": main} if main is not None else {}), **(others or {})}
    value = {
        "metadata": {
            "name": "pod-a",
            "uid": "1",
            "creationTimestamp": "2026-11-22T11:00:00Z",
            "finalizers": FINALIZERS,
            **(meta or {}),
        },
        "spec": {"nodeName": "node-1"},
        "status": {
            "phase": phase,
            "startTime": "2026-11-22T11:00:05Z",
            "conditions": conditions or [],
            "containerStatuses": [{"name": name, "state": state} for name, state in containers.items()],
            "initContainerStatuses": [{"name": name, "state": state} for name, state in (inits or {}).items()],
            **status,
        },
    }
    return msgspec.convert(value, Pod, strict=False)


def ended(code: int, reason: str = "Error", report: dict[str, Any] | str | None = None) -> dict[str, Any]:
    """A container that ended at 11:30."""
    message = report if isinstance(report, str) else msgspec.json.encode(report).decode() if report else ""
    return {
        "terminated": {
            "exitCode": code,
            "reason": reason,
            "message": message,
            "startedAt": "2026-11-22T11:10:00Z",
            "finishedAt": "2026-11-22T11:30:00Z",
        }
    }


def waiting(reason: str, message: str = "why") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


def report(code: int, **fields: Any) -> dict[str, Any]:
    return {"v": 1, "code": code, "phase": "upload", "ended": "2026-11-22T11:30:00Z", **fields}


RUNNING = {"running": {"startedAt": "2026-11-22T11:10:00Z"}}
DELETED = {"deletionTimestamp": "2026-11-22T11:31:00Z"}
TARGET = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI", "message": "drained"}
PREEMPTED = {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler", "message": "more urgent"}
LONG_AGO = {"type": "Ready", "status": "False", "lastTransitionTime": "2026-11-22T11:00:05Z"}
JUST_NOW = {"type": "Ready", "status": "False", "lastTransitionTime": "2026-11-22T11:55:00Z"}

TABLE: list[tuple[str, Pod, S, int | None]] = [
    ("preempted", pod(main=RUNNING, conditions=[PREEMPTED]), S.FAILED_PREEMPTED, 3006),
    ("preempted beats evicted", pod("Failed", conditions=[PREEMPTED], reason="Evicted"), S.FAILED_PREEMPTED, 3006),
    ("pending", pod("Pending"), S.SCHEDULING, None),
    ("initializing", pod("Pending", inits={"init": waiting("PodInitializing")}), S.INITIALIZING, None),
    ("creating", pod("Pending", inits={"init": waiting("ContainerCreating")}), S.INITIALIZING, None),
    ("running", pod(main=RUNNING), S.RUNNING, None),
    ("unknown phase", pod("Unknown", main=RUNNING), S.RUNNING, None),
    ("report of success", pod(main=ended(0, "Completed", report(0))), S.COMPLETED, 0),
    ("report of failure", pod(main=ended(7, report=report(7))), S.FAILED, 7),
    ("true code behind 251", pod(main=ended(251, report=report(3, action="RESCHEDULE"))), S.FAILED, 3),
    ("true code behind a completed one", pod(main=ended(0, report=report(9, action="COMPLETE"))), S.FAILED, 9),
    ("download failed", pod(main=ended(1, report=report(2010, message="no such url"))), S.FAILED, 2010),
    ("no report, exit code", pod("Failed", main=ended(5)), S.FAILED, 5),
    ("init failed", pod("Failed", inits={"osmo-init": ended(1)}), S.FAILED, 256),
    ("sidecar's message", pod("Failed", others={"osmo-ctrl": ended(1, report='{"code":14}')}), S.FAILED, 2014),
    ("sidecar's exit code", pod("Failed", others={"ctrl": ended(2)}), S.FAILED, 2002),
    ("preflight failed", pod("Failed", inits={"preflight-test": ended(1)}), S.FAILED, 1001),
    ("worst of several", pod("Failed", main=ended(9), others={"osmo-ctrl": ended(40)}), S.FAILED, 2040),
    ("Argo's own container failed", pod("Failed", inits={"init": ended(1)}), S.FAILED_BACKEND_ERROR, 3001),
    ("failed without a code", pod("Failed"), S.FAILED, 4000),
    ("succeeded without a report", pod("Succeeded", main=ended(0, "Completed")), S.COMPLETED, 0),
    ("out of memory", pod("Failed", main=ended(137, "OOMKilled")), S.FAILED_EVICTED, 3004),
    ("out of memory, reported", pod("Failed", main=ended(137, "OOMKilled", report(255))), S.FAILED_EVICTED, 3004),
    (
        "sidecar out of memory",
        pod("Failed", main=ended(1), others={"ctrl": ended(137, "OOMKilled")}),
        S.FAILED_EVICTED,
        3004,
    ),
    ("image pull", pod("Pending", main=waiting("ErrImagePull")), S.FAILED_IMAGE_PULL, 302),
    ("image back-off", pod("Pending", main=waiting("ImagePullBackOff")), S.FAILED_IMAGE_PULL, 301),
    (
        "image of the init container",
        pod("Pending", inits={"osmo-init": waiting("ErrImagePull")}),
        S.FAILED_IMAGE_PULL,
        302,
    ),
    (
        "config error, new",
        pod("Pending", main=waiting("CreateContainerConfigError"), conditions=[JUST_NOW]),
        S.SCHEDULING,
        None,
    ),
    (
        "config error, old",
        pod("Pending", main=waiting("CreateContainerConfigError"), conditions=[LONG_AGO]),
        S.FAILED_BACKEND_ERROR,
        3001,
    ),
    (
        "status unknown, old",
        pod("Pending", main=waiting("ContainerStatusUnknown"), conditions=[LONG_AGO]),
        S.FAILED_BACKEND_ERROR,
        3001,
    ),
    ("crash loop", pod(main=RUNNING, inits={"ctrl": waiting("CrashLoopBackOff")}), S.FAILED, 304),
    ("cannot be run", pod("Pending", main=waiting("RunContainerError")), S.FAILED, 999),
    ("bad image name", pod("Pending", main=waiting("InvalidImageName")), S.SCHEDULING, None),
    ("evicted", pod("Failed", reason="Evicted", message="low on memory"), S.FAILED_EVICTED, 3004),
    ("start error", pod("Failed", reason="StartError"), S.FAILED_START_ERROR, 3003),
    ("container's start error", pod("Failed", main=ended(128, "StartError", "no shell")), S.FAILED_START_ERROR, 3003),
    ("executor could not start it", pod("Failed", main=ended(64)), S.FAILED_START_ERROR, 3003),
    ("admission", pod("Failed", reason="UnexpectedAdmissionError"), S.FAILED_BACKEND_ERROR, 3001),
    ("refused by the node", pod("Failed", reason="OutOfcpu"), S.FAILED_BACKEND_ERROR, 3001),
    ("node lost", pod(main=RUNNING, reason="NodeLost"), S.FAILED_BACKEND_ERROR, 3001),
    ("node lost, unknown", pod("Unknown", main=RUNNING, reason="NodeLost"), S.FAILED_BACKEND_ERROR, 3001),
    ("disrupted", pod(main=RUNNING, conditions=[TARGET]), S.FAILED_BACKEND_ERROR, 3001),
    (
        "ended before it was disrupted",
        pod(
            "Succeeded",
            main=ended(0, report=report(0)),
            conditions=[{**TARGET, "lastTransitionTime": "2026-11-22T11:40:00Z"}],
        ),
        S.COMPLETED,
        0,
    ),
    (
        "past its deadline",
        pod("Failed", main=ended(143, report=report(255, signal="terminated")), reason="DeadlineExceeded"),
        S.FAILED_EXEC_TIMEOUT,
        None,
    ),
    ("ended by order", pod("Failed", main=ended(250, report=report(143, stopped=True))), S.RUNNING, None),
    (
        "deleted while it ran",
        pod("Failed", main=ended(250, report=report(0, stopped=True)), meta=DELETED),
        S.FAILED_BACKEND_ERROR,
        3001,
    ),
    ("deleted, not over", pod(main=RUNNING, meta=DELETED), S.RUNNING, None),
    ("deleted after its own end", pod("Failed", main=ended(4, report=report(4)), meta=DELETED), S.FAILED, 4),
    ("killed by somebody", pod("Failed", main=ended(255, report=report(255, signal="killed"))), S.FAILED, 255),
]


@pytest.mark.parametrize(("seen", "status", "code"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_a_pod_proves(seen: Pod, status: S, code: int | None) -> None:
    last = pod_facts(seen, ATTEMPT, NOW)[-1]
    assert (last.status, last.exit_code) == (status, code)


def test_a_pod_that_is_gone_without_an_end_was_deleted() -> None:
    """Where nobody saw it go, Argo's node is awaited: Argo may have deleted it, and then its node says why."""
    told = pod_facts(pod(main=RUNNING, meta=DELETED), ATTEMPT, NOW, gone=True)[-1]
    assert (told.status, told.exit_code, told.message) == (S.FAILED_BACKEND_ERROR, 3001, "The pod was deleted.")
    unseen = pod(main=RUNNING)
    assert pod_facts(unseen, ATTEMPT, NOW, gone=True)[-1].status is S.RUNNING
    node = Node(id="n", name="w.a", display_name="a", type="Pod", phase="Failed", message="main: Error (exit code 137)")
    assert pod_facts(unseen, ATTEMPT, NOW, gone=True, node=node)[-1].status is S.FAILED_BACKEND_ERROR


@pytest.mark.parametrize(
    ("message", "phase", "status"),
    [
        ("timeout", "Failed", S.FAILED_START_TIMEOUT),
        ("workflow shutdown with strategy:  Terminate", "Failed", S.FAILED_CANCELED),
        ("pod deleted", "Error", S.FAILED_BACKEND_ERROR),
        ("", "Succeeded", S.COMPLETED),
    ],
)
def test_where_argo_let_go_first_its_node_says_why(message: str, phase: str, status: S) -> None:
    seen = pod("Pending", meta={**DELETED, "finalizers": []})
    node = Node(id="n", name="w.a", display_name="a", type="Pod", phase=phase, message=message)
    assert not pod_facts(seen, ATTEMPT, NOW, gone=True)[-1].status.finished
    assert pod_facts(seen, ATTEMPT, NOW, gone=True, node=node)[-1].status is status


def test_times_never_go_back() -> None:
    facts = pod_facts(pod("Succeeded", main=ended(0, report=report(0))), ATTEMPT, NOW)
    assert [fact.status for fact in facts] == [S.SCHEDULING, S.INITIALIZING, S.RUNNING, S.COMPLETED]
    assert [fact.at for fact in facts] == sorted(fact.at for fact in facts)
    assert facts[-1].at - facts[0].at == timedelta(minutes=30)


def test_nodes_without_pods() -> None:
    """Omitted tasks, also of a whole group, and ends that left no pod; retries and DAGs only sum up."""
    index = RunIndex.of(plan(single("a"), team("g", "lead", "worker"), single("b")))
    nodes = [
        Node(name="w.a", display_name="a", type="Pod", phase="Failed", message="timeout"),
        Node(name="w.g", display_name="g", type="Skipped", phase="Omitted"),
        Node(name="w.b", display_name="b", type="Retry", phase="Failed", message="No more retries left"),
        Node(
            name="w.b(1)",
            display_name="b(1)",
            type="Pod",
            phase="Failed",
            message="workflow shutdown with strategy:  Stop",
        ),
        Node(name="w.b(2)", display_name="b(2)", type="Pod", phase="Succeeded"),
        Node(name="w", display_name="w", type="DAG", phase="Failed"),
    ]
    facts = nodes_facts({str(number): node for number, node in enumerate(nodes)}, index, NOW)
    assert [(fact.task, fact.retry_id, fact.status) for fact in facts] == [
        ("a", 0, S.FAILED_QUEUE_TIMEOUT),
        ("b", 1, S.FAILED_CANCELED),
        ("b", 2, S.COMPLETED),
        ("lead", 0, S.FAILED_UPSTREAM),
        ("worker", 0, S.FAILED_UPSTREAM),
    ]


def test_a_refused_workflow_fails_its_groups() -> None:
    value = {"metadata": {"name": "w"}, "status": {"phase": "Error", "message": "invalid spec: no"}}
    facts = refusal_facts(msgspec.convert(value, Workflow), [GroupName("a-group")], NOW)
    assert [(fact.group, fact.message) for fact in facts] == [("a-group", "invalid spec: no")]


@pytest.mark.parametrize(
    ("labels", "annotations", "retry_id"),
    [
        ({"osmo.retry_id": "2"}, {}, 2),
        ({}, {"workflows.argoproj.io/node-name": "w.g.a(3)"}, 3),
        ({"osmo.retry_id": "{{retries}}"}, {"workflows.argoproj.io/node-name": "w.a"}, 0),
    ],
)
def test_which_attempt_a_pod_is(labels: dict[str, str], annotations: dict[str, str], retry_id: int) -> None:
    made = plan(single("a"))
    own = {"osmo.workflow_uuid": UUID, "osmo.task_uuid": made.groups[0].tasks[0].uuid}
    index = RunIndex.of(made)
    assert index.attempt_of(pod(meta={"labels": {**own, **labels}, "annotations": annotations})) == Attempt(
        task=TaskName("a"), retry_id=retry_id
    )
    assert index.attempt_of(pod(meta={"labels": {**own, "osmo.workflow_uuid": "another"}})) is None


@pytest.mark.parametrize("message", ["[" * 4096, '{"a":' * 800, '{"code":99999999999,"phase":"finished"}'])
def test_what_a_program_writes_in_place_of_the_report_is_none(message: str) -> None:
    """It shares the termination log with the wrapper; its end is told all the same, by the container's own code."""
    assert report_of(message) is None
    assert sidecar_code(message, 7) == 7
    end = pod_facts(pod("Failed", main=ended(9, report=message)), ATTEMPT, NOW)[-1]
    assert (end.status, end.exit_code) == (S.FAILED, 9)


def test_datasets_that_were_stored_come_with_the_end() -> None:
    """Also of a task that failed; the wrapper hands on what the sidecar said."""
    text = "1 " + "A" * 43 + " 2 3"
    facts = pod_facts(pod("Failed", main=ended(7, report=report(7, made=[text, "nonsense"]))), ATTEMPT, NOW)
    assert [fact.made for fact in facts[:-1]] == [()] * (len(facts) - 1)
    assert facts[-1].made == (DatasetMade(output=1, manifest="00" * 32, files=2, size=3),)
