"""Labels: written, and read back."""

from __future__ import annotations

import re

import pytest

from tests.unit.argo.clusters import part_pods, pods, workflows
from tests.unit.argo.plans import UUID, plan, single, task, team
from translator.argo.labels import (
    PodRef,
    WorkflowRef,
    group_labels,
    label_value,
    part_labels,
    pod_ref,
    submitter_value,
    task_labels,
    workflow_labels,
    workflow_ref,
    workflow_selector,
)
from translator.argo.target import ArgoTarget
from translator.argo.translation import translate
from translator.plan.model import Priority


@pytest.mark.parametrize(
    ("text", "value"),
    [("a_b.c-d", "a_b.c-d"), ("a@b", "a-b"), ("-x-", "x"), ("", ""), ("@", ""), ("y" * 70, "y" * 63)],
)
def test_values_are_made_safe(text: str, value: str) -> None:
    assert label_value(text) == value


@pytest.mark.parametrize(
    ("user", "value"),
    # workflow-spec.md §8.5: "sanitised; e-mail local part as fallback; omitted if still invalid".
    [("jane", "jane"), ("jane@example.com", "jane"), ("j ne@example.com", "j-ne"), ("@@", "")],
)
def test_submitter(user: str, value: str) -> None:
    assert submitter_value(user) == value


def test_every_pod_has_the_labels_of_osmo() -> None:
    # workflow-spec.md §8.5 lists them.
    made = plan(single("a"), team("g", "lead", "helper"), priority=Priority.LOW)
    helper = pods(translate(made, ArgoTarget()))["helper"]
    assert helper.labels == {
        "osmo.workflow_id": "train-7",
        "osmo.workflow_uuid": UUID,
        "osmo.group_name": "g",
        "osmo.group_uuid": made.groups[1].uuid,
        "osmo.submitted_by": "jane",
        "osmo.task_name": "helper",
        "osmo.task_uuid": made.groups[1].tasks[1].uuid,
        "osmo.retry_id": "0",
        "osmo.lead_container": "false",
        "osmo.pool": "default",
        "osmo.platform": "default",
        "osmo.priority": "LOW",
    }


def test_users_labels_are_prefixed_and_never_win() -> None:
    # workflow-spec.md §2.4: "`osmo.*` keys are accepted, but system labels win on pods".
    made = plan(single("a"), labels={"team": "x", "osmo.pool": "other"}, pod_label_prefix="")
    assert workflow_labels(made)["osmo.pool"] == "default"
    prefixed = plan(single("a"), labels={"team": "x"}, pod_label_prefix="corp.example/")
    pod = pods(translate(prefixed, ArgoTarget()))["a"]
    assert pod.labels["corp.example/team"] == "x"


def test_pods_lead_back_to_their_task() -> None:
    made = plan(single("a"), team("g", "lead", "helper"))
    known = {(group.uuid, member.uuid): member.name for group in made.groups for member in group.tasks}
    for name, pod in pods(translate(made, ArgoTarget())).items():
        ref = pod_ref(pod.labels)
        assert ref is not None
        assert ref.workflow_uuid == UUID
        assert known[ref.group_uuid, ref.task_uuid] == name


def test_written_and_read_are_each_others_inverse() -> None:
    made = plan(team("g", "lead", "helper"))
    group = made.groups[0]
    labels = {**workflow_labels(made), **group_labels(group), **task_labels(group.tasks[1]), "osmo.retry_id": "3"}
    assert pod_ref(labels) == PodRef(
        workflow_uuid=UUID, group_uuid=group.uuid, task_uuid=group.tasks[1].uuid, retry_id=3
    )
    assert workflow_ref({**workflow_labels(made), **part_labels(1, 4)}) == WorkflowRef(
        workflow_uuid=UUID, part=2, parts=4
    )
    assert workflow_ref(workflow_labels(made)) == WorkflowRef(workflow_uuid=UUID)


@pytest.mark.parametrize(
    "labels",
    [
        {},
        {"osmo.workflow_uuid": UUID},
        {"osmo.workflow_uuid": UUID, "osmo.group_uuid": "g", "osmo.task_uuid": "t", "osmo.retry_id": "x"},
    ],
)
def test_foreign_pods_are_not_ours(labels: dict[str, str]) -> None:
    assert pod_ref(labels) is None


def test_foreign_workflows_are_not_ours() -> None:
    assert workflow_ref({}) is None
    assert workflow_ref({"osmo.workflow_uuid": UUID, "osmo.part": "one"}) is None


def test_names_too_long_for_a_label_are_still_told_apart() -> None:
    # workflow-spec.md §4.1: names up to 64 characters; a label's value holds 63.
    names = ["n" * 63 + end for end in "ab"]
    made = plan(*(single(name) for name in names))
    refs = [pod_ref(pod.labels) for part in translate(made, ArgoTarget()).parts for pod in part_pods(part)]
    assert {ref.task_uuid for ref in refs if ref} == {group.tasks[0].uuid for group in made.groups}


def test_workflow_is_found_by_its_selector() -> None:
    made = plan(single("a"))
    key, value = workflow_selector(UUID).split("=")
    (workflow,) = workflows(translate(made, ArgoTarget()))
    assert workflow["metadata"]["labels"][key] == value


def test_a_task_without_platform_has_no_empty_label() -> None:
    assert "osmo.platform" not in task_labels(task("a", platform=""))


def test_values_match_kubernetes_pattern() -> None:
    pattern = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
    for text in ("ü", "a/b", "..", "x" * 64, "x" * 62 + "-y", "ok"):
        assert pattern.fullmatch(label_value(text))
