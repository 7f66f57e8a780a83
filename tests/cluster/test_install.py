"""What `deploy/argo/base` grants on a real cluster, and what it does not."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from cli.main import main
from gateway.runners.argo.permissions import CLUSTER, NAMESPACED, Right
from tests.cluster.installed import Installed, installed

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster"), pytest.mark.timeout(400)]

_RESULTS = "workflowtaskresults.argoproj.io"
# Account, verb, resource, namespace ("" for the cluster, "." for the installation's own).
DENIED = [
    ("argosmo-gateway", "create", "pods", "."),
    ("argosmo-gateway", "list", "secrets", "."),
    ("argosmo-gateway", "watch", "secrets", "."),
    ("argosmo-gateway", "delete", "secrets", "."),
    ("argosmo-gateway", "patch", "pods", "."),
    ("argosmo-gateway", "get", "secrets", "kube-system"),
    ("argosmo-gateway", "list", "pods", "default"),
    ("argosmo-gateway", "create", "workflows.argoproj.io", "default"),
    ("argosmo-gateway", "patch", "deployments.apps", "."),
    ("argosmo-gateway", "create", "rolebindings.rbac.authorization.k8s.io", "."),
    ("argosmo-gateway", "impersonate", "serviceaccounts", "."),
    ("argosmo-gateway", "create", "serviceaccounts/token", "."),
    ("argosmo-gateway", "patch", "nodes", ""),
    ("argosmo-gateway", "list", "namespaces", ""),
    ("argosmo-gateway", "create", _RESULTS, "."),
    ("argosmo-executor", "get", "secrets", "."),
    ("argosmo-executor", "create", "pods", "."),
    ("argosmo-executor", "get", "workflows.argoproj.io", "."),
    ("argosmo-executor", "list", _RESULTS, "."),
    ("argosmo-executor", "create", _RESULTS, "default"),
    ("argosmo-task", "create", _RESULTS, "."),
    ("argosmo-task", "get", "pods", "."),
    ("argosmo-task", "get", "secrets", "."),
    ("argosmo-task", "list", "nodes", ""),
    ("default", "create", _RESULTS, "."),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    with installed(tmp_path_factory.mktemp("install")) as found:
        yield found


def may(site: Installed, account: str, right: Right, namespace: str) -> bool:
    """What the API server says of an account, asked as administrator: `kubectl auth can-i --as`."""
    resource, _, subresource = right.resource.partition("/")
    attributes = {"verb": right.verb, "group": right.group, "resource": resource, "namespace": namespace}
    optional = {"subresource": subresource, "name": right.name or (namespace if resource == "namespaces" else "")}
    asked = {
        "user": f"system:serviceaccount:{site.namespace}:{account}",
        "groups": ["system:serviceaccounts", f"system:serviceaccounts:{site.namespace}", "system:authenticated"],
        "resourceAttributes": attributes | {key: value for key, value in optional.items() if value},
    }
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": asked}
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    return bool(json.loads(site.admin.create(path, json.dumps(review).encode()))["status"].get("allowed"))


def test_the_gateway_may_do_what_it_does(site: Installed) -> None:
    denied = [str(right) for right in NAMESPACED if not may(site, "argosmo-gateway", right, site.namespace)]
    denied += [str(right) for right in CLUSTER if not may(site, "argosmo-gateway", right, "")]
    assert denied == []


def test_the_executor_may_report_results(site: Installed) -> None:
    for verb in ("create", "patch"):
        right = Right(verb=verb, resource="workflowtaskresults", group="argoproj.io")
        assert may(site, "argosmo-executor", right, site.namespace)


@pytest.mark.parametrize(("account", "verb", "resource", "namespace"), DENIED)
def test_nobody_may_do_more(site: Installed, account: str, verb: str, resource: str, namespace: str) -> None:
    plural, _, group = resource.partition(".")
    right = Right(verb=verb, resource=plural, group=group)
    assert not may(site, account, right, site.namespace if namespace == "." else namespace)


def test_a_backend_is_added_and_a_workflow_runs(
    site: Installed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the gateway's own token, where Argo was installed by `deploy/argo/install`."""
    namespace = os.environ.get("ARGOSMO_TEST_INSTALLED")
    if not namespace:
        pytest.skip("ARGOSMO_TEST_INSTALLED names no namespace with deploy/argo/install")
    there = Installed(namespace=namespace, admin=site.admin, kubeconfig=site.kubeconfig, home=site.home)
    reached = there.cluster()
    config = site.home / "config"
    config.mkdir()
    words = ["--server", reached["server"], "--ca-file", reached["ca_file"], "--token-file", reached["token_file"]]
    added = ["backend", "add", "edge", "--config", str(config), "-n", namespace, *words]
    assert main(added) == 0
    (config / "pools.yaml").write_text(
        """\
pod_templates:
  near: {spec: {containers: [{name: "{{USER_CONTAINER_NAME}}", imagePullPolicy: IfNotPresent}]}}
pools:
  near: {backend: edge, default_platform: cpu, common_pod_template: [near], platforms: {cpu: {}}}
"""
    )
    image = os.environ.get("ARGOSMO_TEST_IMAGE", "docker.io/library/ubuntu:24.04")
    capsys.readouterr()
    assert main(["backend", "test", "edge", "--config", str(config), "--run", "--image", image, "-t", "json"]) == 0
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert [one["level"] for one in findings if one["check"] == "run"] == ["ok"]
