"""Groups of several tasks: order, lead semantics, names, Services."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.argo.clusters import of_kind, order_of_groups, order_of_plan, pods, workflows
from tests.unit.argo.crd import check_workflow
from tests.unit.argo.plans import from_edges, group, plan, single, task, team
from translator.argo.faults import TranslationError
from translator.argo.target import ArgoTarget, Limits
from translator.argo.translation import Translation, translate
from translator.plan.model import GroupName


def dags(translation: Translation) -> dict[str, list[dict[str, Any]]]:
    """The tasks of every DAG template of the one Workflow."""
    (workflow,) = workflows(translation)
    return {entry["name"]: entry["dag"]["tasks"] for entry in workflow["spec"]["templates"] if "dag" in entry}


def test_a_group_is_a_dag_without_edges() -> None:
    # design §5: "one nested DAG per group of several tasks (no edges inside) or the task itself".
    translation = translate(plan(single("a"), team("g", "lead", "helper", upstream=["a-group"])), ArgoTarget())
    found = dags(translation)
    assert [(entry["name"], entry.get("depends")) for entry in found["main"]] == [("a", None), ("g", "a.Succeeded")]
    assert [(entry["name"], entry.get("depends")) for entry in found["g"]] == [("lead", None), ("helper", None)]


def test_one_failure_does_not_stop_what_does_not_depend_on_it() -> None:
    # workflow-spec.md §5.9: "Independent groups go on (no fail-fast)".
    (workflow,) = workflows(translate(plan(single("a"), team("g", "lead", "helper")), ArgoTarget()))
    dag_templates = [entry for entry in workflow["spec"]["templates"] if "dag" in entry]
    assert [entry["dag"]["failFast"] for entry in dag_templates] == [False, False]


@pytest.mark.parametrize("ignored", [True, False])
def test_other_tasks_are_forgiven_where_the_group_ignores_them(ignored: bool) -> None:
    # design §5: "non-leads have continueOn {failed, error} when they may be ignored".
    members = dags(translate(plan(team("g", "lead", "helper", ignore_nonlead_status=ignored)), ArgoTarget()))["g"]
    forgiven = {entry["name"]: entry.get("continueOn") for entry in members}
    assert forgiven == {"lead": None, "helper": {"failed": True, "error": True} if ignored else None}


def test_downstream_waits_for_the_group() -> None:
    # argo.md §3: "downstream: depends on the group's task, never on members".
    made = plan(team("g", "lead", "helper"), single("after"))
    made = plan(made.groups[0], group("after-group", task("after"), upstream=(GroupName("g"),)))
    assert dags(translate(made, ArgoTarget()))["main"][1]["depends"] == "g.Succeeded"


def test_members_find_each_other_by_name() -> None:
    # workflow-spec.md §3.5: "<task_uuid>.osmo-<group_uuid>.<namespace>.svc.cluster.local".
    made = plan(team("g", "lead", "helper"))
    translation = translate(made, ArgoTarget())
    (service,) = of_kind(translation, "Service")
    for member in made.groups[0].tasks:
        spec = pods(translation)[member.name].spec
        namespace = service["metadata"]["namespace"]
        assert f"{spec['hostname']}.{spec['subdomain']}.{namespace}.svc.cluster.local" == member.host
        assert spec["subdomain"] == service["metadata"]["name"]


def test_service_selects_the_group_before_it_is_ready() -> None:
    # design §5: "headless Service with publishNotReadyAddresses: true".
    made = plan(team("g", "lead", "helper"), team("h", "x", "y"))
    translation = translate(made, ArgoTarget())
    services = of_kind(translation, "Service")
    assert len(services) == 2
    for service in services:
        assert service["spec"]["clusterIP"] == "None"
        assert service["spec"]["publishNotReadyAddresses"] is True
    selector = services[0]["spec"]["selector"].items()
    chosen = {name for name, pod in pods(translation).items() if selector <= pod.labels.items()}
    assert chosen == {"lead", "helper"}


def test_a_single_task_needs_no_name() -> None:
    # workflow-spec.md §8.1: "hostname/subdomain only if the group has > 1 task".
    translation = translate(plan(single("a")), ArgoTarget())
    assert of_kind(translation, "Service") == []
    assert "hostname" not in pods(translation)["a"].spec


def test_a_group_of_several_has_a_sidecar_that_the_kubelet_restarts() -> None:
    # argo-verified.md §1.3: "Recommended for groups (the coordinator survives a crash …)".
    pod = pods(translate(plan(team("g", "lead", "helper")), ArgoTarget()))["lead"]
    assert pod.names() == ["main"]
    assert pod.names("initContainers") == ["osmo-init", "osmo-ctrl"]
    assert pod.container("osmo-ctrl")["restartPolicy"] == "Always"


def test_groups_share_templates() -> None:
    # design §5: "One template for all tasks with the same retry, deadline and sidecar set".
    made = plan(*(team(f"g{n}", f"a{n}", f"b{n}") for n in range(20)))
    assert len({pod.template["name"] for pod in pods(translate(made, ArgoTarget())).values()}) == 1


def test_a_very_large_group_is_still_one_group() -> None:
    made = plan(single("a"), team("g", *(f"m{n}" for n in range(450)), upstream=["a-group"]))
    translation = translate(made, ArgoTarget())
    for workflow in workflows(translation):
        check_workflow(workflow)
    assert order_of_groups(translation, made) == order_of_plan(made)
    assert [len(tasks) for tasks in dags(translation).values()] == [2, 3, 200, 200, 50]
    forgiven = [entry for tasks in dags(translation).values() for entry in tasks if "continueOn" in entry]
    assert len(forgiven) == 449


def test_a_group_that_no_workflow_can_hold_is_refused() -> None:
    made = plan(team("g", *(f"m{n}" for n in range(30))))
    with pytest.raises(TranslationError, match="Split the largest group"):
        translate(made, ArgoTarget(limits=Limits(spec_bytes=5000)))


def test_edges_that_others_imply_are_kept_while_there_is_room() -> None:
    main = dags(translate(from_edges([[], [0], [0, 1]]), ArgoTarget()))["main"]
    assert main[2]["depends"] == "t0.Succeeded && t1.Succeeded"


def test_names_with_underscores_and_their_clashes() -> None:
    # design §5: "`_` becomes `-`, a clash gets a suffix".
    made = plan(single("a_b"), single("a-b"), team("main", "gate", "x_y"))
    translation = translate(made, ArgoTarget())
    (workflow,) = workflows(translation)
    check_workflow(workflow)
    assert [entry["name"] for entry in dags(translation)["main"]] == ["a-b-2", "a-b", "main"]
    assert set(pods(translation)) == {"a_b", "a-b", "gate", "x_y"}


def test_unknown_upstream_and_circles_are_refused() -> None:
    with pytest.raises(TranslationError, match="to be a group"):
        translate(plan(group("g", upstream=(GroupName("nobody"),))), ArgoTarget())
    circle = plan(group("g", upstream=(GroupName("h"),)), group("h", upstream=(GroupName("g"),)))
    with pytest.raises(TranslationError, match="circle"):
        translate(circle, ArgoTarget())


def test_groups_in_any_order_are_put_in_order() -> None:
    made = plan(group("b", upstream=(GroupName("a"),)), group("a"))
    translation = translate(made, ArgoTarget())
    check_workflow(workflows(translation)[0])
    assert order_of_groups(translation, made) == order_of_plan(made)
