"""No field of a pod gets out that is not on the list, whichever way it came in."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from templates.merge import Json, JsonObject
from tests.unit.argo.clusters import RunPod, pods
from tests.unit.argo.plans import plan, single, team
from tests.unit.argo.pod_fields import PodField, fields_of, found_at, whole
from translator.argo.faults import TranslationError
from translator.argo.target import ArgoTarget
from translator.argo.translation import translate
from translator.argo.verifier import allowed_patterns, verify_pod
from translator.plan.model import UrlInput

SPEC_FIELDS = fields_of("V1PodSpec")
CONTAINER_FIELDS = fields_of("V1Container")
VOLUME_FIELDS = fields_of("V1Volume")
IN_LISTS = ("containers", "initContainers", "ephemeralContainers", "volumes")

ALLOWED_IN_SPEC = {
    "affinity",
    "automountServiceAccountToken",
    "dnsConfig",
    "dnsPolicy",
    "enableServiceLinks",
    "hostAliases",
    "hostNetwork",
    "hostUsers",
    "nodeSelector",
    "preemptionPolicy",
    "priorityClassName",
    "resourceClaims",
    "runtimeClassName",
    "schedulerName",
    "securityContext",
    "serviceAccountName",
    "shareProcessNamespace",
    "terminationGracePeriodSeconds",
    "tolerations",
    "topologySpreadConstraints",
}
ALLOWED_IN_MAIN = {
    "envFrom",
    "imagePullPolicy",
    "ports",
    "resources",
    "securityContext",
    "volumeDevices",
    "workingDir",
}
ALLOWED_IN_HELPER = ALLOWED_IN_MAIN | {
    "args",
    "command",
    "lifecycle",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "stdin",
    "tty",
}
ALLOWED_SOURCES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "hostPath",
    "image",
    "nfs",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
DATA = {"inputs": (UrlInput(index=0, url="s3://b/x"),)}


def pod_of(template: JsonObject, **fields: Any) -> RunPod:
    """The pod of a task with data under a pool with this template."""
    return pods(translate(plan(single("a", **{**DATA, **fields}), pod_template=template), ArgoTarget()))["a"]


def refused_paths(template: JsonObject) -> list[str]:
    """The paths that a template is refused for; [] where it is taken."""
    try:
        pod_of(template)
    except TranslationError as error:
        problems = error.problems
    else:
        return []
    assert all(problem.path and problem.path in problem.message for problem in problems)
    return [problem.path for problem in problems]


def verdicts(fields: list[PodField], template_of: Any, where: Any) -> Iterator[tuple[PodField, bool]]:
    """For each field whether it is taken; one that is taken must be in the pod, one that is not must be named."""
    for field in fields:
        template = template_of(copy.deepcopy(field.tree()))
        paths = refused_paths(template)
        if paths:
            yield field, False
        else:
            pod = pod_of(template)
            assert field.value in found_at(where(pod), field.steps), f"{field.path} was lost"
            yield field, True


@pytest.mark.parametrize("name", sorted(set(SPEC_FIELDS) - set(IN_LISTS)))
def test_fields_of_a_pod(name: str) -> None:
    # design principle 6: "a path outside the allow-list is refused".
    def template_of(tree: Json) -> JsonObject:
        return {"spec": tree}

    usable = [field for field in SPEC_FIELDS[name] if not _is_known_value(name, field)]
    for field, taken in verdicts(usable, template_of, lambda pod: pod.spec):
        assert taken == (name in ALLOWED_IN_SPEC or _is_name_of_pull_secret(field)), field.path


@pytest.mark.parametrize("name", sorted(set(CONTAINER_FIELDS) - {"name", "env", "volumeMounts", "resources"}))
@pytest.mark.parametrize(
    ("container", "allowed"),
    [("{{USER_CONTAINER_NAME}}", ALLOWED_IN_MAIN), ("osmo-ctrl", ALLOWED_IN_MAIN - {"ports"})],
)
def test_fields_of_our_containers(container: str, allowed: set[str], name: str) -> None:
    def template_of(tree: dict[str, Json]) -> JsonObject:
        return {"spec": {"containers": [{"name": container, **tree}]}}

    inside = "main" if container != "osmo-ctrl" else container
    for field, taken in verdicts(CONTAINER_FIELDS[name], template_of, lambda pod: pod.container(inside)):
        assert taken == (name in allowed), field.path


@pytest.mark.parametrize("name", sorted(set(CONTAINER_FIELDS) - {"name", "env", "volumeMounts", "resources", "image"}))
def test_fields_of_further_containers(name: str) -> None:
    # Hera's models of Argo 4.0 do not know these: they would be lost, so they are refused.
    newer = {"fileKeyRef", "restartPolicyRules", "mode"}
    known = [
        field
        for field in CONTAINER_FIELDS[name]
        if not newer & set(field.steps) and field.steps[-2:] != ("httpGet", "protocol")
    ]
    helper: JsonObject = {"name": "helper", "image": "i", "command": ["true"]}
    template: JsonObject = {"spec": {"containers": [{**helper, **whole(known)}]}} if known else {}
    if name not in ALLOWED_IN_HELPER:
        assert not known or refused_paths(template)
        return
    container = pod_of(template).container("helper")
    for field in known:
        assert field.value in found_at(container, field.steps), f"{field.path} was lost"


def test_fields_that_would_be_lost_are_refused() -> None:
    newer: JsonObject = {"name": "X", "valueFrom": {"fileKeyRef": {"key": "k", "path": "p", "volumeName": "v"}}}
    container: Json = {"name": "helper", "image": "i", "command": ["true"], "env": [newer]}
    with pytest.raises(TranslationError, match="helper"):
        pod_of({"spec": {"containers": [container]}})


def test_containers_of_a_wrong_form_are_refused() -> None:
    container: Json = {"name": "helper", "image": "i", "command": ["true"], "livenessProbe": {"httpGet": {}}}
    with pytest.raises(TranslationError, match=r"livenessProbe\.httpGet\.port"):
        pod_of({"spec": {"containers": [container]}})


@pytest.mark.parametrize("name", sorted(set(VOLUME_FIELDS) - {"name"}))
def test_sources_of_volumes(name: str) -> None:
    def template_of(tree: dict[str, Json]) -> JsonObject:
        return {"spec": {"volumes": [{"name": "more", **tree}]}}

    for field, taken in verdicts(VOLUME_FIELDS[name], template_of, lambda pod: pod.volume("more")):
        assert taken == (name in ALLOWED_SOURCES), field.path


def test_init_containers_that_stay_are_refused() -> None:
    container: Json = {"name": "i", "image": "i", "command": ["true"], "restartPolicy": "Always"}
    assert refused_paths({"spec": {"initContainers": [container]}}) == ["spec.initContainers[i].restartPolicy"]


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"hostPID": True}, "spec.hostPID"),
        ({"nodeName": "n"}, "spec.nodeName"),
        ({"restartPolicy": "Always"}, "spec.restartPolicy"),
        ({"hostname": "other"}, "spec.hostname"),
        ({"ephemeralContainers": [{"name": "e"}]}, "spec.ephemeralContainers"),
        ({"containers": [{"name": "main", "image": "other"}]}, "spec.containers[main].image"),
        ({"containers": [{"name": "main", "command": ["sh"]}]}, "spec.containers[main].command"),
        ({"containers": [{"name": "main", "args": ["x"]}]}, "spec.containers[main].args"),
        ({"containers": [{"name": "osmo-ctrl", "image": "other"}]}, "spec.containers[osmo-ctrl].image"),
        ({"initContainers": [{"name": "osmo-init", "image": "other"}]}, "spec.initContainers[osmo-init].image"),
        ({"initContainers": [{"name": "osmo-ctrl", "image": "i"}]}, "spec.initContainers[osmo-ctrl]"),
        ({"containers": [{"name": "wait", "image": "i"}]}, "spec.containers[wait]"),
        ({"initContainers": [{"name": "init", "image": "i"}]}, "spec.initContainers[init]"),
        ({"containers": [{"image": "i"}]}, "spec.containers[2].name"),
        ({"volumes": [{"emptyDir": {}}]}, "spec.volumes[4].name"),
        ({"volumes": [{"name": "osmo", "hostPath": {"path": "/"}}]}, "spec.volumes[osmo]"),
        ({"volumes": [{"name": "osmo-run", "secret": {"secretName": "x"}}]}, "spec.volumes[osmo-run]"),
        ({"volumes": [{"name": "osmo-x", "emptyDir": {}}]}, "spec.volumes[osmo-x]"),
        ({"volumes": [{"name": "var-run-argo", "emptyDir": {}}]}, "spec.volumes[var-run-argo]"),
        ({"volumes": [{"name": "v", "$patch": "delete"}]}, "spec.volumes[v].$patch"),
        ({"affinity": {"$patch": "replace"}}, "spec.affinity.$patch"),
        ({"securityContext": "x"}, None),
        ({"nodeSelector": "x"}, "spec.nodeSelector"),
        ({"containers": {"main": {}}}, "spec.containers.main"),
        ({"tolerations": {"a": 1}}, "spec.tolerations.a"),
    ],
)
def test_what_would_break_the_runtime_or_open_the_node(spec: JsonObject, path: str | None) -> None:
    found = refused_paths({"spec": spec})
    assert (path in found) if path else not found


@pytest.mark.parametrize(
    "mount",
    [
        {"name": "v", "mountPath": "/osmo"},
        {"name": "v", "mountPath": "/osmo/bin"},
        {"name": "v", "mountPath": "/"},
        {"name": "v", "mountPath": "/var"},
        {"name": "v", "mountPath": "/x/../osmo"},
        {"name": "v", "mountPath": "//osmo-run/"},
        {"name": "v", "mountPath": "/var/run/argo"},
        {"name": "osmo-storage", "mountPath": "/peek"},
        {"name": "osmo-ctrl", "mountPath": "/peek"},
    ],
)
@pytest.mark.parametrize("container", ["{{USER_CONTAINER_NAME}}", "osmo-ctrl", "helper"])
def test_nothing_is_mounted_over_ours_and_nothing_of_ours_elsewhere(container: str, mount: JsonObject) -> None:
    entry: JsonObject = {"name": container, "volumeMounts": [mount]}
    if container == "helper":
        entry |= {"image": "i", "command": ["true"]}
    assert refused_paths({"spec": {"containers": [entry], "volumes": [{"name": "v", "emptyDir": {}}]}})


@pytest.mark.parametrize("name", ["OSMO_RETRY_ID", "OSMO_NODE_NAME", "ARGO_TEMPLATE"])
def test_variables_of_ours_are_not_set(name: str) -> None:
    entry: JsonObject = {"name": "{{USER_CONTAINER_NAME}}", "env": [{"name": name, "value": "x"}]}
    assert refused_paths({"spec": {"containers": [entry]}}) == [f"spec.containers[main].env[{name}]"]


def test_what_pools_usually_set_is_taken() -> None:
    # workflow-spec.md §7.5: "Typical content".
    pod = pod_of(
        {
            "metadata": {"labels": {"corp": "x"}, "annotations": {"note": "y"}},
            "spec": {
                "nodeSelector": {"gpu": "l40"},
                "tolerations": [{"key": "gpu", "operator": "Exists"}],
                "affinity": {
                    "nodeAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": {
                            "nodeSelectorTerms": [
                                {
                                    "matchExpressions": [
                                        {
                                            "key": "kubernetes.io/hostname",
                                            "operator": "NotIn",
                                            "values": "{{USER_EXCLUDED_NODES}}",
                                        }
                                    ]
                                }
                            ]
                        }
                    }
                },
                "volumes": [{"name": "shm", "emptyDir": {"medium": "Memory"}}],
                "containers": [
                    {
                        "name": "{{USER_CONTAINER_NAME}}",
                        "env": [
                            {"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"},
                            {"name": "X", "value": "{{WF_ID}}"},
                        ],
                        "volumeMounts": [{"name": "shm", "mountPath": "/dev/shm"}],
                        "securityContext": {"runAsUser": 0},
                    }
                ],
            },
        }
    )
    assert pod.labels["corp"] == "x"
    assert pod.annotations == {"note": "y"}
    assert pod.spec["nodeSelector"] == {"gpu": "l40"}
    assert pod.spec["tolerations"] == [{"key": "gpu", "operator": "Exists"}]
    assert pod.volume("shm") == {"name": "shm", "emptyDir": {"medium": "Memory"}}
    assert pod.mount("/dev/shm")["name"] == "shm"
    assert {"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"} in pod.container()["env"]
    assert {"name": "X", "value": "train-7"} in pod.container()["env"]
    assert pod.container()["securityContext"] == {"runAsUser": 0}


def test_an_administrator_may_allow_more() -> None:
    template: JsonObject = {"spec": {"hostIPC": True}}
    made = plan(single("a"), pod_template=template)
    with pytest.raises(TranslationError, match=r"spec\.hostIPC"):
        translate(made, ArgoTarget())
    assert pods(translate(made, ArgoTarget(extra_pod_paths=("spec.hostIPC",))))["a"].spec["hostIPC"] is True


def test_all_faults_are_reported_at_once() -> None:
    assert set(refused_paths({"spec": {"hostPID": True, "hostIPC": True}})) == {"spec.hostPID", "spec.hostIPC"}


def test_system_labels_are_asserted_last() -> None:
    # workflow-spec.md §7.5: "system labels re-asserted last".
    pod = pod_of({"metadata": {"labels": {"osmo.task_name": "other", "osmo.retry_id": "9"}}})
    assert (pod.labels["osmo.task_name"], pod.labels["osmo.retry_id"]) == ("a", "0")


@pytest.mark.parametrize(
    "template",
    [
        {"metadata": {"annotations": {"a": "{{ '{{' }}workflow.name}}"}}},
        {"spec": {"containers": [{"name": "h", "image": "{{ '{{' }}x}}", "command": ["true"]}]}},
    ],
)
def test_braces_are_refused_where_argo_would_read_them(template: JsonObject) -> None:
    assert refused_paths(template)


def test_braces_are_kept_where_they_can_be_escaped() -> None:
    template: JsonObject = {"spec": {"nodeSelector": {"k": "{{ '{{' }}inputs.parameters.key}}"}}}
    assert pod_of(template).spec["nodeSelector"] == {"k": "{{inputs.parameters.key}}"}


def test_a_pod_of_ours_passes() -> None:
    translation = translate(plan(team("g", "lead", "helper"), pod_template={}), ArgoTarget())
    assert set(pods(translation)) == {"lead", "helper"}


def test_base_must_be_in_the_pod() -> None:
    base: JsonObject = {"metadata": {}, "spec": {"containers": [{"name": "main", "image": "i"}], "volumes": []}}
    verify_pod(base, base)
    with pytest.raises(TranslationError, match=r"spec\.containers\[main\]\.image"):
        verify_pod({"metadata": {}, "spec": {"containers": [], "volumes": []}}, base)


def test_patterns_are_written_out_once() -> None:
    patterns = allowed_patterns()
    assert len(set(patterns)) == len(patterns)
    assert not any(pattern.endswith(".") or ".." in pattern for pattern in patterns)


def _is_known_value(name: str, field: PodField) -> bool:
    """Fields that the pod has anyway, or that the test's own value would make something else of."""
    return name == "imagePullSecrets" and field.steps[-1] != "name"


def _is_name_of_pull_secret(field: PodField) -> bool:
    return field.steps[0] == "imagePullSecrets"
