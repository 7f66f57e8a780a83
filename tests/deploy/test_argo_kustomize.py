"""deploy/argo grants what the gateway asks for and no more, and builds."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from gateway.runners.argo.controller import ConfigMap, Deployment, controller_settings
from gateway.runners.argo.doctor_argo import OLDEST
from gateway.runners.argo.permissions import CLUSTER, NAMESPACED, Right
from translator.argo.labels import WORKFLOW_UUID
from translator.argo.schedulers.adapter import PRIORITY_CLASSES

DEPLOY = Path(__file__).parents[2] / "deploy" / "argo"
KUBECTL = shutil.which("kubectl")
Json = dict[str, Any]


def documents(folder: str) -> list[Json]:
    """All objects in the files of a folder."""
    return [
        document
        for path in sorted((DEPLOY / folder).glob("*.yaml"))
        for document in yaml.safe_load_all(path.read_text())
        if isinstance(document, dict)
    ]


def of_kind(kind: str, name: str | None = None) -> list[Json]:
    found = [one for one in documents("base") if one["kind"] == kind]
    return [one for one in found if name in (None, one["metadata"]["name"])]


def granted(roles: list[Json]) -> set[tuple[str, str, str, str]]:
    """(group, resource, name, verb) of every rule."""
    return {
        entry
        for role in roles
        for rule in role["rules"]
        for entry in product(rule["apiGroups"], rule["resources"], rule.get("resourceNames", [""]), rule["verbs"])
    }


def asked(rights: tuple[Right, ...]) -> set[tuple[str, str, str, str]]:
    return {(right.group, right.resource, right.name, right.verb) for right in rights}


def test_the_gateway_is_granted_what_doctor_asks_for_and_no_more() -> None:
    roles = of_kind("Role", "argosmo-gateway") + of_kind("Role", "argosmo-gateway-interactive")
    assert granted(roles) == asked(NAMESPACED)
    assert granted(of_kind("ClusterRole")) == asked(CLUSTER)


def test_nothing_is_granted_by_wildcard_or_to_everybody() -> None:
    for role in of_kind("Role") + of_kind("ClusterRole"):
        for rule in role["rules"]:
            assert "*" not in {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}
    subjects = [
        one for kind in ("RoleBinding", "ClusterRoleBinding") for bound in of_kind(kind) for one in bound["subjects"]
    ]
    assert {one["kind"] for one in subjects} == {"ServiceAccount"}


def test_tasks_have_no_right_and_no_token() -> None:
    subjects = {one["name"] for bound in of_kind("RoleBinding") for one in bound["subjects"]}
    assert "argosmo-task" not in subjects
    assert all(one["automountServiceAccountToken"] is False for one in of_kind("ServiceAccount"))
    assert granted(of_kind("Role", "argosmo-executor")) == {
        ("argoproj.io", "workflowtaskresults", "", "create"),
        ("argoproj.io", "workflowtaskresults", "", "patch"),
    }


def test_the_controller_is_set_as_doctor_wants_it() -> None:

    patch = yaml.safe_load((DEPLOY / "settings" / "controller.yaml").read_text())
    container = patch["spec"]["template"]["spec"]["containers"][0]
    container["image"] = "quay.io/argoproj/workflow-controller:v4.1.2"
    config = yaml.safe_load((DEPLOY / "settings" / "controller-configmap.yaml").read_text())
    found = controller_settings(msgspec.convert(patch, Deployment), msgspec.convert(config, ConfigMap))
    assert 0.1 <= found.requeue_seconds <= 2
    assert (found.qps, found.burst) >= (50, 60)
    assert found.keeps_exit_codes
    assert found.log_level == "error"
    assert (found.executor_memory_bytes or 0) >= 96 * 1024**2
    assert found.version == OLDEST


def test_the_controller_may_not_read_secrets() -> None:
    (change,) = yaml.safe_load((DEPLOY / "settings" / "controller-role.yaml").read_text())
    assert "secrets" not in {resource for rule in change["value"] for resource in rule["resources"]}


def test_argo_is_pinned() -> None:
    resources = yaml.safe_load((DEPLOY / "install" / "kustomization.yaml").read_text())["resources"]
    (url,) = [one for one in resources if one.startswith("https:")]
    assert url.startswith("https://github.com/argoproj/argo-workflows/releases/download/")
    assert "/v{}.{}.{}/".format(*OLDEST) in url


def test_names_are_those_of_the_translation() -> None:
    assert {one["metadata"]["name"] for one in of_kind("PriorityClass")} == set(PRIORITY_CLASSES.values())
    (tasks,) = of_kind("NetworkPolicy", "argosmo-tasks")
    assert tasks["spec"]["podSelector"]["matchExpressions"][0]["key"] == WORKFLOW_UUID


def built(folder: Path) -> Iterator[Json]:
    assert KUBECTL is not None
    done = subprocess.run([KUBECTL, "kustomize", str(folder)], capture_output=True, check=False, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return (document for document in yaml.safe_load_all(done.stdout) if document)


@pytest.mark.skipif(KUBECTL is None, reason="needs kubectl")
def test_another_namespace_reaches_every_object(tmp_path: Path) -> None:
    """An overlay's `namespace:` also moves the accounts that bindings name."""
    # kubectl takes relative paths only.
    shutil.copytree(DEPLOY, tmp_path / "argo")
    overlay = tmp_path / "robots"
    overlay.mkdir()
    (overlay / "kustomization.yaml").write_text("namespace: robots\nresources: [../argo/base]\n")
    for document in built(overlay):
        assert document["metadata"].get("namespace", "robots") == "robots"
        assert all(one["namespace"] == "robots" for one in document.get("subjects") or ())


@pytest.mark.skipif(KUBECTL is None, reason="needs kubectl")
def test_settings_change_argos_own_objects(tmp_path: Path) -> None:
    """The release cannot be fetched in a test: objects with its names and kinds stand in for it."""
    shutil.copytree(DEPLOY, tmp_path / "argo")
    (tmp_path / "argo" / "install" / "release.yaml").write_text(_RELEASE)
    kustomization = tmp_path / "argo" / "install" / "kustomization.yaml"
    lines = kustomization.read_text().splitlines()
    kustomization.write_text("\n".join("  - release.yaml" if "https:" in line else line for line in lines))
    made = {(one["kind"], one["metadata"]["name"]): one for one in built(tmp_path / "argo" / "install")}
    container = made["Deployment", "workflow-controller"]["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "quay.io/argoproj/workflow-controller:v4.1.2"
    assert "--namespaced" in container["args"]
    assert {"LEADER_ELECTION_IDENTITY", "DEFAULT_REQUEUE_TIME"} <= {one["name"] for one in container["env"]}
    assert "executor" in made["ConfigMap", "workflow-controller-configmap"]["data"]
    assert all(rule["resources"] != ["everything"] for rule in made["Role", "argo-role"]["rules"])
    assert made["ServiceAccount", "argo"]["metadata"]["namespace"] == "argo"


_RELEASE = """\
apiVersion: v1
kind: ServiceAccount
metadata: {name: argo}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: argo-role}
rules: [{apiGroups: [""], resources: [everything], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: argo-server-role}
rules: [{apiGroups: [""], resources: [everything], verbs: [get]}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: workflow-controller-configmap}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: workflow-controller}
spec:
  selector: {matchLabels: {app: workflow-controller}}
  template:
    metadata: {labels: {app: workflow-controller}}
    spec:
      serviceAccountName: argo
      containers:
        - name: workflow-controller
          image: quay.io/argoproj/workflow-controller:v4.1.2
          args: [--namespaced]
          env: [{name: LEADER_ELECTION_IDENTITY, value: me}]
"""
