"""What each scheduler is told."""

from __future__ import annotations

from typing import Any

import pytest

from pools.backend import Backend, SchedulerType
from pools.workflow import WorkflowConfig
from tests.unit.argo.clusters import manifests, of_kind, pods, workflows
from tests.unit.argo.crd import check_object, check_workflow
from tests.unit.argo.plans import group, plan, rule, single, task, team
from translator.argo.target import ArgoTarget, Scheduling, argo_target
from translator.argo.translation import translate
from translator.plan.model import ExitAction, GroupPlan, Priority, ResourceRequest, Topology

NAMES = {
    SchedulerType.DEFAULT: "",
    SchedulerType.KAI: "kai-scheduler",
    SchedulerType.KUEUE: "",
    SchedulerType.VOLCANO: "volcano",
}
QUEUE = "osmo-pool-argo-default"


def target(kind: SchedulerType, **fields: Any) -> ArgoTarget:
    return ArgoTarget(scheduling=Scheduling(type=kind, name=NAMES[kind], **fields))


def rack(name: str = "default", *, required: bool = True) -> Topology:
    return Topology(key="rack", label="topology.example/rack", group=name, required=required)


def zone(name: str = "default") -> Topology:
    return Topology(key="zone", label="topology.example/zone", group=name)


def placed(name: str, *tasks: tuple[str, tuple[Topology, ...]]) -> GroupPlan:
    """A group whose tasks have wishes."""
    return group(
        name,
        *(
            task(member, lead=number == 0, resources=ResourceRequest(cpu=1, topology=wishes))
            for number, (member, wishes) in enumerate(tasks)
        ),
    )


@pytest.mark.parametrize("kind", SchedulerType)
def test_every_scheduler_gives_manifests_that_argo_takes(kind: SchedulerType) -> None:
    made = plan(single("a"), team("g", "lead", "helper"), placed("p", ("x", (zone(), rack())), ("y", (zone(), rack()))))
    translation = translate(made, target(kind))
    for made_object in manifests(translation):
        if made_object["kind"] == "Workflow":
            check_workflow(made_object)
        else:
            check_object(made_object, "argo")


def test_default_names_no_scheduler_and_no_class() -> None:
    pod = pods(translate(plan(team("g", "lead", "helper")), target(SchedulerType.DEFAULT)))["lead"]
    assert not {"schedulerName", "priorityClassName"} & pod.spec.keys()


@pytest.mark.parametrize(
    ("kind", "priority", "name"),
    [
        # A plain cluster may not have the classes, and NORMAL is what it does anyway.
        (SchedulerType.DEFAULT, Priority.NORMAL, None),
        (SchedulerType.DEFAULT, Priority.HIGH, "osmo-high"),
        (SchedulerType.KAI, Priority.NORMAL, "osmo-normal"),
        (SchedulerType.KAI, Priority.LOW, "osmo-low"),
        (SchedulerType.VOLCANO, Priority.LOW, "osmo-low"),
    ],
)
def test_priority_classes(kind: SchedulerType, priority: Priority, name: str | None) -> None:
    # workflow-spec.md §7.6: "priorityClassName osmo-high|osmo-normal|osmo-low".
    made = plan(single("a"), priority=priority)
    assert pods(translate(made, target(kind)))["a"].spec.get("priorityClassName") == name
    without = target(kind, supports_priority=False)
    assert "priorityClassName" not in pods(translate(made, without))["a"].spec


def test_kai_gets_a_pod_group_for_every_gang() -> None:
    # workflow-spec.md §7.6: "Per group a PodGroup named by group uuid: queue, priorityClassName, minMember".
    made = plan(single("a"), team("g", "lead", "helper"))
    translation = translate(made, target(SchedulerType.KAI))
    (pod_group,) = of_kind(translation, "PodGroup")
    uuid = made.groups[1].uuid
    assert (pod_group["apiVersion"], pod_group["metadata"]["name"]) == ("scheduling.run.ai/v2alpha2", uuid)
    assert pod_group["spec"] == {"minMember": 2, "queue": QUEUE, "priorityClassName": "osmo-normal"}
    assert pod_group["metadata"]["labels"]["osmo.group_uuid"] == uuid
    member = pods(translation)["helper"]
    # argo.md §3.1: "Annotation kai.scheduler/skip-podgrouper … on the pod or any owner stops that".
    assert member.annotations == {"pod-group-name": uuid, "kai.scheduler/skip-podgrouper": "true"}
    assert member.spec["schedulerName"] == "kai-scheduler"
    assert (member.labels["kai.scheduler/queue"], member.labels["runai/queue"]) == (QUEUE, QUEUE)


def test_kai_groups_single_pods_itself() -> None:
    pod = pods(translate(plan(single("a")), target(SchedulerType.KAI)))["a"]
    assert pod.annotations == {}
    assert pod.labels["kai.scheduler/queue"] == QUEUE


def test_kai_nests_subgroups_from_coarse_to_fine() -> None:
    # workflow-spec.md §7.6: "sub-groups: nested by key order of the pool …; pods carry a sub-group label".
    made = plan(
        placed(
            "g",
            ("a", (zone(), rack("r1"))),
            ("b", (zone(), rack("r1"))),
            ("c", (zone(), rack("r2", required=False))),
            ("d", ()),
        )
    )
    translation = translate(made, target(SchedulerType.KAI))
    (pod_group,) = of_kind(translation, "PodGroup")
    constraint = {"topology": QUEUE}
    assert pod_group["spec"]["minMember"] == 4
    assert pod_group["spec"]["subGroups"] == [
        {
            "name": "zone-default",
            "topologyConstraint": {**constraint, "requiredTopologyLevel": "topology.example/zone"},
            "minSubGroup": 2,
        },
        {
            "name": "zone-default--rack-r1",
            "topologyConstraint": {**constraint, "requiredTopologyLevel": "topology.example/rack"},
            "parent": "zone-default",
            "minMember": 2,
        },
        {
            "name": "zone-default--rack-r2",
            "topologyConstraint": {**constraint, "preferredTopologyLevel": "topology.example/rack"},
            "parent": "zone-default",
            "minMember": 1,
        },
        {"name": "no-topology", "minMember": 1},
    ]
    label = "kai.scheduler/subgroup-name"
    assert {name: pod.labels[label] for name, pod in pods(translation).items()} == {
        "a": "zone-default--rack-r1",
        "b": "zone-default--rack-r1",
        "c": "zone-default--rack-r2",
        "d": "no-topology",
    }


def test_kueue_holds_a_group_until_it_is_whole() -> None:
    # argo.md §3.1: labels queue-name, pod-group-name; annotation pod-group-total-count; "retriable-in-group: false".
    made = plan(single("a"), team("g", "lead", "helper"), priority=Priority.HIGH)
    found = pods(translate(made, target(SchedulerType.KUEUE)))
    uuid = made.groups[1].uuid
    assert found["helper"].labels["kueue.x-k8s.io/queue-name"] == QUEUE
    assert found["helper"].labels["kueue.x-k8s.io/pod-group-name"] == uuid
    assert found["helper"].labels["kueue.x-k8s.io/priority-class"] == "osmo-high"
    assert found["helper"].annotations == {
        "kueue.x-k8s.io/pod-group-total-count": "2",
        "kueue.x-k8s.io/retriable-in-group": "false",
    }
    assert "kueue.x-k8s.io/pod-group-name" not in found["a"].labels


def test_kueue_waits_for_replacements_where_tasks_are_retried() -> None:
    again = (rule(ExitAction.RESCHEDULE, (1, 1)),)
    made = plan(group("g", task("lead"), task("helper", lead=False, exit_rules=again, max_retries=1)))
    pod = pods(translate(made, target(SchedulerType.KUEUE)))["lead"]
    assert pod.annotations == {"kueue.x-k8s.io/pod-group-total-count": "2"}


def test_kueue_is_told_the_finest_level() -> None:
    made = plan(placed("g", ("a", (zone(), rack(required=False)))))
    pod = pods(translate(made, target(SchedulerType.KUEUE)))["a"]
    assert pod.annotations == {"kueue.x-k8s.io/podset-preferred-topology": "topology.example/rack"}


def test_volcano_gets_a_pod_group_and_a_queue() -> None:
    made = plan(single("a"), team("g", "lead", "helper"))
    translation = translate(made, target(SchedulerType.VOLCANO))
    (pod_group,) = of_kind(translation, "PodGroup")
    assert pod_group["apiVersion"] == "scheduling.volcano.sh/v1beta1"
    assert pod_group["spec"] == {"minMember": 2, "queue": QUEUE, "priorityClassName": "osmo-normal"}
    found = pods(translation)
    assert found["helper"].annotations == {
        "scheduling.volcano.sh/queue-name": QUEUE,
        "scheduling.k8s.io/group-name": made.groups[1].uuid,
    }
    assert found["a"].annotations == {"scheduling.volcano.sh/queue-name": QUEUE}
    assert found["a"].spec["schedulerName"] == "volcano"


@pytest.mark.parametrize("kind", [SchedulerType.DEFAULT, SchedulerType.VOLCANO])
def test_topology_by_affinity_between_pods(kind: SchedulerType) -> None:
    # workflow-spec.md §9.2-N: "approximate by podAffinity on the topology label".
    made = plan(placed("g", ("a", (zone(), rack("r1", required=False))), ("b", (zone(), rack("r1", required=False)))))
    found = pods(translate(made, target(kind)))
    pod = found["a"]
    assert pod.labels["osmo.topology.zone"] == "default"
    assert pod.labels["osmo.topology.rack"] == "r1"
    affinity = pod.spec["affinity"]["podAffinity"]
    (required,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]
    (preferred,) = affinity["preferredDuringSchedulingIgnoredDuringExecution"]
    assert required["topologyKey"] == "topology.example/zone"
    assert preferred["podAffinityTerm"]["topologyKey"] == "topology.example/rack"
    # A pod matches its own terms, else the first of a domain could never be placed.
    for term in (required, preferred["podAffinityTerm"]):
        assert term["labelSelector"]["matchLabels"].items() <= pod.labels.items()
        assert term["labelSelector"]["matchLabels"].items() <= found["b"].labels.items()


def test_a_backend_becomes_a_target() -> None:
    backend = Backend.model_validate(
        {
            "namespace": "runs",
            "cluster_domain": "corp.local",
            "scheduler_settings": {"scheduler_type": "kai", "supports_priority": False},
        }
    )
    config = WorkflowConfig.model_validate(
        {
            "backend_images": {"init": "reg/init:1", "client": "reg/ctrl:1"},
            "workflow_data": {"credential": {"endpoint": "s3://bucket/data/"}},
        }
    )
    made = argo_target(backend, config)
    assert (made.namespace, made.cluster_domain) == ("runs", "corp.local")
    assert (made.init_image, made.sidecar_image) == ("reg/init:1", "reg/ctrl:1")
    assert made.scheduling == Scheduling(type=SchedulerType.KAI, name="kai-scheduler", supports_priority=False)
    assert made.data_url == "s3://bucket/data"


def test_service_accounts_and_controllers() -> None:
    chosen = ArgoTarget(service_account="runner", executor_service_account="executor", instance_id="blue")
    (workflow,) = workflows(translate(plan(single("a")), chosen))
    # argo.md §2.15: "automountServiceAccountToken: false plus executor.serviceAccountName".
    assert workflow["spec"]["serviceAccountName"] == "runner"
    assert workflow["spec"]["automountServiceAccountToken"] is False
    assert workflow["spec"]["executor"] == {"serviceAccountName": "executor"}
    # argo.md §2.15: "only workflows labelled …/controller-instanceid with it are taken".
    assert workflow["metadata"]["labels"]["workflows.argoproj.io/controller-instanceid"] == "blue"
