"""Set-ups that are deliberately broken on a real cluster, each named with what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.services.doctor_findings import Finding, Level
from tests.cluster.installed import Installed, Json, installed

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster"), pytest.mark.timeout(400)]

_RBAC = "rbac.authorization.k8s.io"
_POLICIES = "/apis/admissionregistration.k8s.io/v1"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    with installed(tmp_path_factory.mktemp("doctor")) as found:
        yield found


def assert_told(found: list[Finding], check: str, says: str, advises: str, level: Level = Level.PROBLEM) -> None:
    told = [one for one in found if one.check == check and one.level is level]
    assert any(says in one.found and advises in one.advice for one in told), found


def test_an_installation_has_no_fault_of_its_own(site: Installed) -> None:
    """Argo itself is not part of it, nor are the runtime's image and a store."""
    expected = {"argo-crds", "argo-controller", "argo-namespace", "runtime-image", "storage", "admission"}
    assert [one for one in site.findings() if one.level is not Level.OK and one.check not in expected] == []


def test_a_server_that_is_not_there(site: Installed) -> None:
    found = site.findings({"cluster": {"server": "https://127.0.0.1:9"}})
    assert_told(found, "api-server", "did not answer", "backends.edge.cluster")


def test_a_certificate_authority_of_another_cluster(site: Installed) -> None:
    reached = site.cluster()
    del reached["ca_file"]
    assert_told(site.findings({"cluster": reached}), "api-server", "CERTIFICATE_VERIFY_FAILED", "backends.edge.cluster")


def test_a_token_that_nobody_gave(site: Installed) -> None:
    file = site.home / "wrong.token"
    file.write_text("eyJhbGciOiJub25lIn0.e30.")
    found = site.findings({"cluster": {**site.cluster(), "token_file": str(file)}})
    assert_told(found, "credentials", "Unauthorized", "create token argosmo-gateway")


def test_a_token_of_an_account_without_rights(site: Installed) -> None:
    found = site.findings({"cluster": site.cluster("argosmo-task")})
    assert_told(found, "rights", "may not create workflows.argoproj.io", "deploy/argo/existing")
    assert_told(found, "rights", "may not list nodes", "can-i list nodes", Level.WARNING)


def test_a_namespace_that_is_not_there(site: Installed) -> None:
    """The gateway may look at its own namespace only, so that this one shows as rights that are missing."""
    found = site.findings({"namespace": "argosmo-nowhere", "cluster": site.cluster()})
    assert_told(found, "rights", "in namespace argosmo-nowhere", "can-i")


def test_another_cluster_than_meant(site: Installed) -> None:
    assert_told(site.findings({"k8s_uid": "0-0"}), "cluster-identity", "says 0-0", "k8s_uid")


def test_a_role_that_lost_a_verb(site: Installed) -> None:
    path = site.path("roles", _RBAC) + "/argosmo-gateway"
    role = json.loads(site.admin.get(path))
    site.admin.patch(path, {"rules": [rule for rule in role["rules"] if rule["resources"] != ["pods/log"]]})
    try:
        assert_told(site.until_gone_wrong("rights"), "rights", "may not get pods/log", "--subresource=log")
    finally:
        site.admin.patch(path, {"rules": role["rules"]})


def test_an_executor_that_may_not_report(site: Installed) -> None:
    with site.without_object(site.path("rolebindings", _RBAC), "argosmo-executor"):
        found = site.until_gone_wrong("task-account")
    assert_told(found, "task-account", "argosmo-executor may not create", "create rolebinding")


def test_an_account_that_is_missing(site: Installed) -> None:
    assert_told(
        site.findings({"service_account": "nobody"}), "task-account", "no service account nobody", "service_account"
    )


def test_a_scheduler_that_is_not_installed(site: Installed) -> None:
    found = site.findings({"scheduler_settings": {"scheduler_type": "volcano"}})
    assert_told(found, "scheduler", "no scheduling.volcano.sh", "scheduler_type: default")


def test_a_platform_without_nodes(site: Installed) -> None:
    pool = {"backend": "edge", "default_platform": "x", "platforms": {"x": {"override_pod_template": ["arms"]}}}
    templates = {"arms": {"spec": {"nodeSelector": {"robot": "arm"}}}}
    found = site.findings(pools={"default": pool}, pod_templates=templates)
    assert_told(found, "pools", "No node fits platform x", "kubectl label node NODE robot=arm")


def test_a_quota_that_is_used_up(site: Installed) -> None:
    quota = {"metadata": {"name": "tight"}, "spec": {"hard": {"secrets": "1"}}}
    with site.with_object(site.path("resourcequotas"), {"apiVersion": "v1", "kind": "ResourceQuota", **quota}):
        found = site.until_gone_wrong("quota")
    assert_told(found, "quota", "secrets is used: 1 of 1", "edit resourcequota tight")


def test_a_policy_that_refuses_large_secrets(site: Installed) -> None:
    with policy(site, "secrets", "", "v1", "object.data.all(key, size(object.data[key]) < 1000)"):
        found = site.until_gone_wrong("secret-size")
    assert_told(found, "secret-size", "900,000 bytes", "2 MB")


def test_a_policy_that_refuses_workflows(site: Installed) -> None:
    with policy(site, "workflows", "argoproj.io", "v1alpha1", "false"):
        found = site.until_gone_wrong("admission")
    assert_told(found, "admission", "not for today", "a webhook, a policy, a quota")


def test_an_argo_that_is_old_and_wrongly_set(site: Installed) -> None:
    container = {
        "name": "c",
        "image": "quay.io/argoproj/workflow-controller:v3.6.2",
        "command": ["workflow-controller"],
        "args": ["--namespaced"],
    }
    labels = {"app": "stand-in"}
    body: Json = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "workflow-controller"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }
    with site.with_object(site.path("deployments", "apps"), body):
        found = site.findings()
    assert_told(found, "argo-version", "3.6.2 is older than 4.1.2", "deploy/argo/install")
    assert_told(found, "argo-controller", "No pod of", "describe pods")
    assert_told(found, "argo-exit-codes", "loses the exit codes", "ARGO_POD_STATUS_CAPTURE_FINALIZER=true")
    assert_told(found, "argo-requeue", "10 s", "DEFAULT_REQUEUE_TIME=1s", Level.WARNING)
    assert_told(found, "argo-rate", "20 times", "--qps 50 --burst 60", Level.WARNING)
    assert_told(found, "argo-log-level", "level info", "--loglevel error", Level.WARNING)


@contextmanager
def policy(site: Installed, plural: str, group: str, version: str, expression: str) -> Iterator[None]:
    """A policy of the API server for one kind of object in the namespace."""
    name = f"{site.namespace}-{plural}"
    rule = {"apiGroups": [group], "apiVersions": [version], "operations": ["CREATE"], "resources": [plural]}
    only_here = {"matchLabels": {"kubernetes.io/metadata.name": site.namespace}}
    made: Json = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [rule], "namespaceSelector": only_here},
            "validations": [{"expression": expression, "message": "not for today"}],
        },
    }
    binding: Json = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }
    with (
        site.with_object(f"{_POLICIES}/validatingadmissionpolicies", made),
        site.with_object(f"{_POLICIES}/validatingadmissionpolicybindings", binding),
    ):
        yield
