"""Pod templates laid over pods."""

from __future__ import annotations

from typing import Any

import pytest

from templates.merge import JsonObject
from tests.unit.argo.clusters import pods
from tests.unit.argo.plans import plan, single, task, team
from translator.argo.faults import TranslationError
from translator.argo.target import ArgoTarget, Limits
from translator.argo.translation import translate
from translator.plan.model import PlatformPlan, ResourceRequest, UrlInput, WorkflowId

DATA: dict[str, Any] = {"inputs": (UrlInput(index=0, url="s3://b/x"),)}
CTRL: JsonObject = {"name": "osmo-ctrl", "resources": {"limits": {"memory": "1Gi"}}}


def labelled(text: str) -> JsonObject:
    """A template that puts `text` into a label."""
    return {"metadata": {"labels": {"corp": text}}}


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{WF_ID}}", "train-7"),
        ("{{WF_UUID}}", "0123456789abcdef0123456789abcdef"),
        ("{{WF_POOL}}", "default"),
        ("{{WF_SUBMITTED_BY}}", "jane"),
        ("{{WF_PRIORITY}}", "NORMAL"),
        ("{{WF_PLATFORM}}", "default"),
        ("{{WF_TASK_NAME}}", "helper"),
        ("{{WF_GROUP_NAME}}", "g"),
        ("{{WF_LEAD_CONTAINER}}", "false"),
        ("{{WF_RETRY_ID}}", "0"),
        ("{{USER_CONTAINER_NAME}}", "main"),
        ("{{USER_GPU}}", "0"),
    ],
)
def test_variables_of_a_task(template: str, value: str) -> None:
    # workflow-spec.md §7.3. The user's container is called main under Argo, so that is its name.
    made = plan(team("g", "lead", "helper"), pod_template=labelled(template))
    assert pods(translate(made, ArgoTarget()))["helper"].labels["corp"] == value


def test_variables_that_differ_reach_every_pod() -> None:
    made = plan(*(single(f"t{n}") for n in range(30)), pod_template=labelled("x-{{WF_TASK_NAME}}"))
    found = pods(translate(made, ArgoTarget()))
    assert {name: pod.labels["corp"] for name, pod in found.items()} == {f"t{n}": f"x-t{n}" for n in range(30)}


def test_each_run_has_its_own_variables_though_pods_are_worked_out_once() -> None:
    template = labelled("{{WF_ID}}-{{WF_POOL}}")
    ids = [WorkflowId("train-1"), WorkflowId("train-2"), WorkflowId("train-1")]
    made = [plan(single("a"), pod_template=template, workflow_id=number) for number in ids]
    found = [pods(translate(one, ArgoTarget()))["a"].labels["corp"] for one in made]
    assert found == ["train-1-default", "train-2-default", "train-1-default"]


def test_pods_worked_out_once_differ_with_policy_and_target() -> None:
    first, second = labelled("first"), labelled("second")
    found = [
        (pod.labels["corp"], pod.container("main")["imagePullPolicy"])
        for template in (first, second, first)
        for target in (ArgoTarget(), ArgoTarget(image_pull_policy="Never"))
        for pod in [pods(translate(plan(single("a"), pod_template=template), target))["a"]]
    ]
    assert found == [(team, policy) for team in ("first", "second", "first") for policy in ("Always", "Never")]


def test_sidecar_is_edited_by_its_name() -> None:
    # workflow-spec.md §7.5: "`osmo-ctrl` the sidecar"; argo-verified.md C13: the emissary counts against it too.
    made = plan(single("a", **DATA), team("g", "lead", "helper"), pod_template={"spec": {"containers": [CTRL]}})
    found = pods(translate(made, ArgoTarget()))
    assert found["a"].container("osmo-ctrl")["resources"] == {"limits": {"memory": "1120Mi"}}
    # A native sidecar is not under the emissary.
    assert found["lead"].container("osmo-ctrl")["resources"] == {"limits": {"memory": "1Gi"}}


def test_a_pod_without_sidecar_gets_none_from_a_template() -> None:
    pod = pods(translate(plan(single("a"), pod_template={"spec": {"containers": [CTRL]}}), ArgoTarget()))["a"]
    assert pod.names() == ["main"]


def test_further_containers_are_sidecars_of_argo() -> None:
    # argo-verified.md §4: "Containers that a patch adds … are … not known as sidecars; prefer real sidecars:".
    template: JsonObject = {
        "spec": {
            "containers": [{"name": "helper", "image": "h", "command": ["sleep"], "resources": {"limits": {"cpu": 2}}}],
            "initContainers": [{"name": "prepare", "image": "p", "command": ["true"]}],
        }
    }
    pod = pods(translate(plan(single("a"), pod_template=template), ArgoTarget()))["a"]
    assert [entry["name"] for entry in pod.template["sidecars"]] == ["helper"]
    assert pod.container("helper")["resources"] == {"limits": {"cpu": "2"}}
    assert pod.names("initContainers") == ["osmo-init", "prepare"]


def test_each_platform_has_its_own_policy() -> None:
    platforms = {
        name: PlatformPlan(name=name, pod_template={"spec": {"nodeSelector": {"kind": name}}}) for name in ("a", "b")
    }
    made = plan(single("x", platform="a"), single("y", platform="b"), platforms=platforms)
    found = pods(translate(made, ArgoTarget()))
    assert [found[name].spec["nodeSelector"] for name in ("x", "y")] == [{"kind": "a"}, {"kind": "b"}]


def test_without_template_the_pod_asks_for_nothing() -> None:
    # workflow-spec.md §7.5: "Without a template the pod has no resource requests from the spec".
    pod = pods(translate(plan(single("a"), pod_template={}), ArgoTarget()))["a"]
    assert "resources" not in pod.container()


@pytest.mark.parametrize(("gpus", "hidden"), [(0, True), (2, False)])
def test_gpus_are_hidden_from_tasks_that_asked_for_none(gpus: int, hidden: bool) -> None:
    # workflow-spec.md §8.2: "NVIDIA_VISIBLE_DEVICES set to empty when the task requests no GPU".
    pod = pods(translate(plan(single("a", resources=ResourceRequest(gpu=gpus))), ArgoTarget()))["a"]
    variable = {"name": "NVIDIA_VISIBLE_DEVICES", "value": ""}
    assert (variable in pod.container().get("env", [])) is hidden


def test_host_network_finds_names_of_the_cluster() -> None:
    # workflow-spec.md §10.22: "set ClusterFirstWithHostNet".
    spec = pods(translate(plan(single("a", host_network=True)), ArgoTarget()))["a"].spec
    assert (spec["hostNetwork"], spec["dnsPolicy"]) == (True, "ClusterFirstWithHostNet")


def test_privileged_and_mounts() -> None:
    # workflow-spec.md §7.4.
    from_plan = task("a", privileged=True)
    assert from_plan.privileged
    pod = pods(translate(plan(single("a", privileged=True)), ArgoTarget()))["a"]
    assert pod.container()["securityContext"] == {"privileged": True}
    assert "securityContext" not in pods(translate(plan(single("a")), ArgoTarget()))["a"].container()


def test_a_null_in_a_template_deletes_nothing() -> None:
    template: JsonObject = {"spec": {"volumes": None, "containers": [None, {"name": "main", "env": None}]}}
    pod = pods(translate(plan(single("a"), pod_template=template), ArgoTarget()))["a"]
    assert [volume["name"] for volume in pod.spec["volumes"]] == ["osmo", "osmo-run"]


@pytest.mark.parametrize(("excluded", "values"), [((), [""]), (("n1", "n2"), ["n1", "n2"])])
def test_excluding_nothing_is_a_list_that_kubernetes_takes(excluded: tuple[str, ...], values: list[str]) -> None:
    expression: JsonObject = {"key": "kubernetes.io/hostname", "operator": "NotIn", "values": "{{USER_EXCLUDED_NODES}}"}
    terms: JsonObject = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    template: JsonObject = {
        "spec": {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}}
    }
    made = plan(single("a", resources=ResourceRequest(nodes_excluded=excluded)), pod_template=template)
    affinity = pods(translate(made, ArgoTarget()))["a"].spec["affinity"]["nodeAffinity"]
    (term,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert term["matchExpressions"][0]["values"] == values


@pytest.mark.parametrize(
    "template",
    [
        labelled("{{NOBODY}}"),
        labelled("{{WF_ID.x.y}}"),
        {"spec": "text"},
        {"metadata": "text"},
        {"metadata": {"labels": "text"}},
        {"spec": {"containers": [{"name": "main", "resources": {"limits": {"memory": "{{USER_MEMORY_Gi}}Gi"}}}]}},
    ],
)
def test_a_broken_template_is_an_error_that_says_so(template: JsonObject) -> None:
    with pytest.raises(TranslationError):
        translate(plan(single("a"), pod_template=template), ArgoTarget())


def test_many_kinds_of_pods_still_fit() -> None:
    # argo.md §2.1: "`spec.templates` 200"; what differs beyond that travels as a parameter.
    template: JsonObject = {"spec": {"nodeSelector": {"task": "{{WF_TASK_NAME}}"}}}
    made = plan(*(single(f"t{n}") for n in range(300)), pod_template=template)
    found = pods(translate(made, ArgoTarget()))
    assert {name: pod.spec["nodeSelector"]["task"] for name, pod in found.items()} == {
        f"t{n}": f"t{n}" for n in range(300)
    }
    assert len({pod.template["name"] for pod in found.values()}) <= 200


def test_many_kinds_that_no_parameter_can_say_are_cut() -> None:
    made = plan(*(single(f"t{n}") for n in range(300)), pod_template=labelled("{{WF_TASK_NAME}}"))
    translation = translate(made, ArgoTarget())
    assert len(translation.parts) == 2
    assert {name: pod.labels["corp"] for name, pod in pods(translation).items()} == {
        f"t{n}": f"t{n}" for n in range(300)
    }


def test_a_group_of_too_many_kinds_is_refused() -> None:
    members = [f"t{n}" for n in range(30)]
    made = plan(team("g", *members), pod_template=labelled("{{WF_TASK_NAME}}"))
    with pytest.raises(TranslationError, match="kinds of pods"):
        translate(made, ArgoTarget(limits=Limits(templates=20)))


def test_a_pod_too_large_for_argo_is_refused() -> None:
    template: JsonObject = {"spec": {"nodeSelector": {"k": "v" * 200}}}
    with pytest.raises(TranslationError, match="at most 100 characters"):
        translate(plan(single("a"), pod_template=template), ArgoTarget(limits=Limits(patch_bytes=100)))
