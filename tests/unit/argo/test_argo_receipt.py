"""The receipt says what was done with every field."""

from __future__ import annotations

from typing import Any

import pytest

from pools.backend import SchedulerType
from templates.merge import JsonObject
from tests.unit.argo.plans import fan, group, plan, rule, single, task, team
from translator.argo.receipt_entry import Fidelity, ReceiptEntry
from translator.argo.target import ArgoTarget, Limits, Scheduling
from translator.argo.translation import translate
from translator.plan.model import (
    CheckpointPlan,
    CredentialEnv,
    CredentialFiles,
    ExitAction,
    FilePlan,
    Kpi,
    Mount,
    Plan,
    Priority,
    ResourceRequest,
    Topology,
    UrlInput,
    UrlOutput,
)

EXACT, APPROXIMATED, KEPT = Fidelity.EXACT, Fidelity.APPROXIMATED, Fidelity.KEPT_BY_GATEWAY
AGAIN = ExitAction.RESCHEDULE


def entries(made: Plan, target: ArgoTarget | None = None) -> dict[str, ReceiptEntry]:
    """The last entry of each field."""
    return {entry.osmo: entry for entry in translate(made, target or ArgoTarget()).receipt}


@pytest.mark.parametrize(
    ("fields", "osmo", "kubernetes"),
    [
        ({}, "workflow.tasks[].image", "container.image"),
        ({}, "workflow.tasks[].command, args", "Secret"),
        ({"environment": {"A": "b"}}, "workflow.tasks[].environment", "Secret"),
        ({"files": (FilePlan(path="/f", contents="x"),)}, "workflow.tasks[].files", "subPath"),
        (
            {"credential_env": (CredentialEnv(variable="A", credential="c", key="k"),)},
            "workflow.tasks[].credentials",
            "Secret",
        ),
        (
            {"credential_files": (CredentialFiles(directory="/d", credential="c"),)},
            "workflow.tasks[].credentials",
            "subPath",
        ),
        ({"exit_rules": (rule(ExitAction.FAIL, (0, 0)),)}, "workflow.tasks[].exitActions", "Secret"),
        ({"inputs": (UrlInput(index=0, url="s3://b"),)}, "workflow.tasks[].inputs[].url", "Secret"),
        ({"outputs": (UrlOutput(url="s3://b"),)}, "workflow.tasks[].outputs[].url", "Secret"),
        ({"kpis": (Kpi(index="i", path="p"),)}, "workflow.tasks[].kpis", "Secret"),
        (
            {"checkpoints": (CheckpointPlan(path="/c", url="s3://b", frequency_seconds=1),)},
            "workflow.tasks[].checkpoint",
            "Secret",
        ),
        ({"privileged": True}, "workflow.tasks[].privileged", "securityContext"),
        ({"host_network": True}, "workflow.tasks[].hostNetwork", "hostNetwork"),
        ({"mounts": (Mount(source="/s", destination="/d"),)}, "workflow.tasks[].volumeMounts", "hostPath"),
    ],
)
def test_fields_that_are_carried_over(fields: dict[str, Any], osmo: str, kubernetes: str) -> None:
    # design principle 8: "OSMO field → Argo/Kubernetes field, exact | approximated | kept by the gateway".
    entry = entries(plan(single("a", **fields)))[osmo]
    assert entry.fidelity is EXACT
    assert kubernetes in entry.kubernetes


def test_only_what_is_used_is_listed() -> None:
    found = entries(plan(single("a")))
    assert not {"workflow.groups[]", "workflow.tasks[].privileged", "priority", "workflow.labels"} & found.keys()


@pytest.mark.parametrize(
    ("kind", "pool", "gang", "topology"),
    [
        (SchedulerType.DEFAULT, KEPT, APPROXIMATED, APPROXIMATED),
        (SchedulerType.KAI, EXACT, EXACT, EXACT),
        (SchedulerType.KUEUE, EXACT, APPROXIMATED, APPROXIMATED),
        (SchedulerType.VOLCANO, EXACT, EXACT, APPROXIMATED),
    ],
)
def test_schedulers_say_what_they_approximate(
    kind: SchedulerType, pool: Fidelity, gang: Fidelity, topology: Fidelity
) -> None:
    # design §5: "gang and topology say in the receipt what was approximated".
    wish = ResourceRequest(topology=(Topology(key="rack", label="l"),))
    made = plan(group("g", task("x", resources=wish), task("y", lead=False, resources=wish)), priority=Priority.LOW)
    found = entries(made, ArgoTarget(scheduling=Scheduling(type=kind)))
    assert found["pool"].fidelity is pool
    assert found["workflow.groups[].tasks"].fidelity is gang
    assert found["workflow.resources.*.topology"].fidelity is topology
    assert "priority" in found


def test_groups() -> None:
    found = entries(plan(team("g", "lead", "helper"), team("h", "x", "y", ignore_nonlead_status=False)))
    assert found["workflow.groups[].tasks[].lead"].fidelity is KEPT
    assert found["workflow.groups[].ignoreNonleadStatus"].fidelity is KEPT
    assert found["workflow.groups[].barrier"].fidelity is EXACT
    assert found["{{host:…}}"].fidelity is EXACT


@pytest.mark.parametrize(
    ("rules", "limit", "fidelity"),
    [
        ([rule(AGAIN, (1, 9))], 3, EXACT),
        ([rule(AGAIN, (3001, 3001))], 3, APPROXIMATED),
        ([rule(AGAIN, (1, 9))], 0, EXACT),
    ],
)
def test_reschedule(rules: list[Any], limit: int, fidelity: Fidelity) -> None:
    found = entries(plan(single("a", exit_rules=tuple(rules), max_retries=limit)))
    entry = found["workflow.tasks[].exitActions.RESCHEDULE"]
    assert entry.fidelity is fidelity
    assert ("switches RESCHEDULE off" in entry.note) == (limit == 0)


def test_timeouts_are_the_gateways() -> None:
    found = entries(plan(single("a"), exec_timeout_seconds=60, queue_timeout_seconds=60))
    for field in ("workflow.timeout.exec_timeout", "workflow.timeout.queue_timeout", "start timeout"):
        assert found[field].fidelity is KEPT


def test_resources_need_a_template() -> None:
    # workflow-spec.md §7.5: "resources are only conveyed through templates".
    assert entries(plan(single("a")))["workflow.resources.*.memory"].fidelity is EXACT
    without = entries(plan(single("a", resources=ResourceRequest(nodes_excluded=("n",))), pod_template={}))
    assert without["workflow.resources.*.memory"].fidelity is APPROXIMATED
    assert without["workflow.resources.*.nodesExcluded"].fidelity is APPROXIMATED


def test_nesting_and_cutting_are_told() -> None:
    assert "5 further DAGs" in entries(fan(1000))["workflow.tasks"].note
    entry = entries(fan(100), ArgoTarget(limits=Limits(nodes=40)))["workflow.tasks"]
    assert entry.fidelity is KEPT
    assert "3 Workflows with 3 gates" in entry.note


def test_output_that_is_not_kept_is_told() -> None:
    assert entries(plan(single("a")))["{{output}}"].fidelity is APPROXIMATED
    assert "{{output}}" not in entries(plan(single("a", args=("/osmo/data/output/x",))))


def test_a_missing_store_is_told() -> None:
    made = plan(single("a"), single("b", ["a"]))
    assert any("no data store" in entry.note for entry in translate(made, ArgoTarget()).receipt)
    assert not any("no data store" in entry.note for entry in translate(made, ArgoTarget(data_url="s3://b")).receipt)


def test_group_and_pod_templates_are_named() -> None:
    extra: JsonObject = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
    found = entries(plan(group("g", extra_objects=(extra,)), labels={"team": "x"}))
    assert "pool.common_group_templates" in found
    assert "pool.common_pod_template" in found
    assert "workflow.labels" in found


def test_every_note_is_a_sentence() -> None:
    made = plan(single("a"), team("g", "lead", "helper"), exec_timeout_seconds=1)
    for entry in translate(made, ArgoTarget()).receipt:
        assert entry.note.endswith(".")
        assert entry.osmo
