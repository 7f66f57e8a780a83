"""Acceptance: `argosmo doctor` names each deliberately broken set-up of a backend, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.runners.argo.doctor import backend_findings
from gateway.services.doctor_findings import Finding, Level
from pools.backend import ClusterAccess
from tests.fakes.argo_cluster import (
    ACCOUNTS,
    CONFIG,
    CONFIG_MAPS,
    CRDS,
    DEPLOYMENTS,
    EXECUTOR_TOKEN,
    NAMESPACES,
    NODES,
    PRIORITIES,
    QUOTAS,
    ArgoCluster,
    argo_cluster,
    backend_of,
    config_for,
    crd,
)
from tests.fakes.kube import NAMESPACE, SECRETS, FakeKube, Json, fake_kube

PROBLEM, WARNING = Level.PROBLEM, Level.WARNING


def nothing(_cluster: ArgoCluster) -> None:
    """Break nothing in the cluster."""


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A set-up that is wrong in one way, and what must be said of it."""

    check: str
    says: str
    advises: str
    level: Level = PROBLEM
    breaks: Callable[[ArgoCluster], None] = nothing
    config: dict[str, str] = field(default_factory=dict)


def denied(*rights: str) -> Callable[[ArgoCluster], None]:
    return lambda cluster: cluster.denied.update(rights)


def dropped(collection: str, name: str) -> Callable[[ArgoCluster], None]:
    return lambda cluster: cluster.kube.drop(collection, name)


def with_argument(old: str, new: str) -> Callable[[ArgoCluster], None]:
    def edit(container: Json) -> None:
        container["args"] = [word.replace(old, new) for word in container["args"]]

    return lambda cluster: cluster.edit_controller(edit)


def with_variable(name: str, value: str | None) -> Callable[[ArgoCluster], None]:
    def edit(container: Json) -> None:
        container["env"] = [one for one in container["env"] if one["name"] != name]
        container["env"] += [{"name": name, "value": value}] if value is not None else []

    return lambda cluster: cluster.edit_controller(edit)


def with_image(image: str) -> Callable[[ArgoCluster], None]:
    return lambda cluster: cluster.edit_controller(lambda container: container.update(image=image))


def with_settings(**data: str) -> Callable[[ArgoCluster], None]:
    return lambda cluster: cluster.change(
        CONFIG_MAPS, "workflow-controller-configmap", lambda found: found.update(data=data)
    )


def on_node(edit: Callable[[Json], None]) -> Callable[[ArgoCluster], None]:
    return lambda cluster: cluster.change(NODES, "node-1", edit)


def not_ready(node: Json) -> None:
    node["status"]["conditions"] = [{"type": "Ready", "status": "Unknown"}]


def without_images(node: Json) -> None:
    node["status"]["images"] = []


def tainted(node: Json) -> None:
    node["spec"] = {"taints": [{"key": "robots", "value": "only", "effect": "NoSchedule"}]}


def used_up(used: str) -> Callable[[ArgoCluster], None]:
    status = {"hard": {"pods": "100", "services.nodeports": "0"}, "used": {"pods": used, "services.nodeports": "0"}}

    def use(cluster: ArgoCluster) -> None:
        cluster.kube.put(QUOTAS, {"metadata": {"name": "argosmo"}, "status": status})

    return use


def clock_off(delta: timedelta) -> Callable[[ArgoCluster], None]:
    def set_clock(cluster: ArgoCluster) -> None:
        cluster.clock = lambda: datetime.now(UTC) + delta

    return set_clock


def refused(plural: str, code: int, message: str) -> Callable[[ArgoCluster], None]:
    return lambda cluster: cluster.refusals.update({plural: (code, message)})


def powerful_tasks(cluster: ArgoCluster) -> None:
    cluster.account_rights["argosmo-task"] = {"get secrets"}


def powerless_executor(cluster: ArgoCluster) -> None:
    cluster.account_rights["argosmo-executor"] = {"create workflowtaskresults"}


def wrong_token(cluster: ArgoCluster) -> None:
    cluster.kube.token = "another"


def old_crds(cluster: ArgoCluster) -> None:
    cluster.kube.put(CRDS, crd(newest=False))


def minimal_crds(cluster: ArgoCluster) -> None:
    cluster.kube.put(CRDS, crd(full=False))


def no_argo(cluster: ArgoCluster) -> None:
    cluster.kube.drop(CRDS, "workflows.argoproj.io")
    cluster.kube.drop(DEPLOYMENTS, "workflow-controller")
    cluster.groups.remove("argoproj.io")


def not_running(cluster: ArgoCluster) -> None:
    cluster.change(DEPLOYMENTS, "workflow-controller", lambda found: found.update(status={}))


def volcano_without_rights(cluster: ArgoCluster) -> None:
    cluster.groups.append("scheduling.volcano.sh")
    cluster.denied.add("create podgroups")


def controller_elsewhere(cluster: ArgoCluster) -> None:
    found = cluster.kube.get(DEPLOYMENTS, "workflow-controller")
    assert found is not None
    cluster.kube.drop(DEPLOYMENTS, "workflow-controller")
    found["metadata"]["namespace"] = "robots"
    cluster.kube.put("/apis/apps/v1/deployments", found)


def going(cluster: ArgoCluster) -> None:
    cluster.change(
        NAMESPACES, NAMESPACE, lambda found: found["metadata"].update(deletionTimestamp="2026-01-01T00:00:00Z")
    )


EDGE = "    service_account: argosmo-task\n"
ACCOUNT_LINES = EDGE + "    executor_service_account: argosmo-executor\n"
STORE = 'override_url: "http://10.0.0.9:9000"'
GPU_POOL = """\
pod_templates: {gpus: {spec: {nodeSelector: {kind: gpu}}}}
pools:
  default: {backend: edge, default_platform: gpu, platforms: {gpu: {override_pod_template: [gpus]}}}
"""
POOLS = CONFIG[CONFIG.index("pools:") :]

BROKEN = {
    "the token is refused": Broken(
        check="credentials", says="Unauthorized", advises="create token argosmo-gateway", breaks=wrong_token
    ),
    "the namespace is missing": Broken(
        check="namespace",
        says="no namespace argo",
        advises="kubectl create namespace argo",
        breaks=dropped(NAMESPACES, NAMESPACE),
    ),
    "the namespace is being deleted": Broken(
        check="namespace", says="being deleted", advises="create it anew", breaks=going
    ),
    "the cluster is another one": Broken(
        check="cluster-identity",
        says="uid-of-kube-system",
        advises="k8s_uid",
        config={EDGE: EDGE + "    k8s_uid: uid-of-another\n"},
    ),
    "pods may not be watched": Broken(
        check="rights",
        says="may not watch pods in namespace argo",
        advises="kubectl auth can-i watch pods -n argo",
        breaks=denied("watch pods"),
    ),
    "logs may not be read": Broken(
        check="rights", says="get pods/log", advises="--subresource=log", breaks=denied("get pods/log")
    ),
    "Workflows may not be made": Broken(
        check="rights",
        says="create workflows.argoproj.io",
        advises="kubectl apply -k deploy/argo/existing",
        breaks=denied("create workflows"),
    ),
    "nodes may not be listed": Broken(
        check="rights",
        says="nodes are not shown",
        advises="can-i list nodes",
        level=WARNING,
        breaks=denied("list nodes"),
    ),
    "Argo is not installed": Broken(
        check="argo-crds", says="Argo is not installed", advises="-k deploy/argo/install", breaks=no_argo
    ),
    "the CRDs are of an older Argo": Broken(
        check="argo-crds", says="before 4.1", advises="--server-side --force-conflicts", breaks=old_crds
    ),
    "the CRDs are minimal": Broken(
        check="argo-crds", says="minimal", advises="deploy/argo/install", level=WARNING, breaks=minimal_crds
    ),
    "Argo is too old": Broken(
        check="argo-version",
        says="Argo 3.7.3 is older than 4.1.2",
        advises="deploy/argo/install",
        breaks=with_image("quay.io/argoproj/workflow-controller:v3.7.3"),
    ),
    "Argo is too new": Broken(
        check="argo-version",
        says="Argo 5.0.0 is newer",
        advises="kubectl -n argo set image deployment/workflow-controller",
        breaks=with_image("registry.example:5000/workflow-controller:v5.0.0@sha256:00"),
    ),
    "Argo's version is not named": Broken(
        check="argo-version",
        says="names no version",
        advises="set image",
        level=WARNING,
        breaks=with_image("quay.io/argoproj/workflow-controller:latest"),
    ),
    "the controller does not run": Broken(
        check="argo-controller", says="No pod of argo/workflow-controller", advises="describe pods", breaks=not_running
    ),
    "no controller can be seen": Broken(
        check="argo-controller",
        says="No Deployment",
        advises="argosmo backend test edge --run",
        level=WARNING,
        breaks=dropped(DEPLOYMENTS, "workflow-controller"),
    ),
    "the only controller watches another namespace": Broken(
        check="argo-controller",
        says="robots/workflow-controller watches robots",
        advises="`namespace` to robots, or its flag `--managed-namespace argo`",
        level=WARNING,
        breaks=controller_elsewhere,
    ),
    "the controller watches another namespace": Broken(
        check="argo-namespace",
        says="watches namespace robots only, not argo",
        advises="--managed-namespace argo",
        breaks=lambda cluster: cluster.edit_controller(lambda it: it["args"].append("--managed-namespace=robots")),
    ),
    "the controller has an instance id": Broken(
        check="argo-namespace", says="'blue'", advises="instanceID", breaks=with_settings(instanceID="blue")
    ),
    "an old ConfigMap has an instance id": Broken(
        check="argo-namespace",
        says="'blue'",
        advises="instanceID",
        breaks=with_settings(config="instanceID: blue\nparallelism: 5\n"),
    ),
    "steps begin ten seconds late": Broken(
        check="argo-requeue",
        says="10 s after each change",
        advises="set env deployment/workflow-controller DEFAULT_REQUEUE_TIME=1s",
        level=WARNING,
        breaks=with_variable("DEFAULT_REQUEUE_TIME", None),
    ),
    "the controller is hurried too much": Broken(
        check="argo-requeue",
        says="0.01 s",
        advises="DEFAULT_REQUEUE_TIME=1s",
        level=WARNING,
        breaks=with_variable("DEFAULT_REQUEUE_TIME", "10ms"),
    ),
    "the controller may ask too little": Broken(
        check="argo-rate",
        says="20 times a second",
        advises="--qps 50 --burst 60",
        level=WARNING,
        breaks=with_argument("50", "20"),
    ),
    "exit codes of deleted pods are lost": Broken(
        check="argo-exit-codes",
        says="loses the exit codes",
        advises="ARGO_POD_STATUS_CAPTURE_FINALIZER=true",
        breaks=with_variable("ARGO_POD_STATUS_CAPTURE_FINALIZER", "false"),
    ),
    "the executor talks in logs": Broken(
        check="argo-log-level",
        says="level info",
        advises="--loglevel error",
        level=WARNING,
        breaks=with_argument("error", "info"),
    ),
    "the executor has too little memory": Broken(
        check="argo-executor-memory",
        says="gets 64 MiB and needs 96",
        advises="edit configmap",
        breaks=with_settings(executor="resources: {limits: {memory: 64Mi}}"),
    ),
    "the tasks' account is missing": Broken(
        check="task-account",
        says="no service account argosmo-task",
        advises="service_account",
        breaks=dropped(ACCOUNTS, "argosmo-task"),
    ),
    "the executor may not report": Broken(
        check="task-account",
        says="argosmo-executor may not patch workflowtaskresults",
        advises="create rolebinding argosmo-executor",
        breaks=powerless_executor,
    ),
    "the executor's token is missing": Broken(
        check="task-separation",
        says=EXECUTOR_TOKEN,
        advises="kubectl apply -k",
        breaks=dropped(SECRETS, EXECUTOR_TOKEN),
    ),
    "users get a token": Broken(
        check="task-separation",
        says="default, whose token",
        advises="executor_service_account: argosmo-executor",
        level=WARNING,
        breaks=lambda cluster: cluster.account_rights.update(default=cluster.account_rights["argosmo-executor"]),
        config={ACCOUNT_LINES: ""},
    ),
    "tasks may read secrets": Broken(
        check="task-rights", says="may get secrets", advises="get rolebindings", level=WARNING, breaks=powerful_tasks
    ),
    "the runtime's image is nowhere": Broken(
        check="runtime-image",
        says="not on node-1",
        advises="workflow.backend_images.init",
        breaks=on_node(without_images),
    ),
    "the runtime's image may change": Broken(
        check="runtime-image",
        says="another one tomorrow",
        advises="a version or a digest",
        level=WARNING,
        config={"workflow:\n": "workflow:\n  backend_images: {init: ghcr.io/me/runtime, client: ghcr.io/me/runtime}\n"},
    ),
    "no node is ready": Broken(
        check="nodes", says="None of 1 nodes", advises="kubectl get nodes", breaks=on_node(not_ready)
    ),
    "a node is cordoned": Broken(
        check="nodes",
        says="None of 1 nodes",
        advises="describe node",
        breaks=on_node(lambda node: node["spec"].update(unschedulable=True)),
    ),
    "a platform has no node": Broken(
        check="pools",
        says="No node fits platform gpu of pool default (labels: kind=gpu",
        advises="kubectl label node NODE kind=gpu",
        config={POOLS: GPU_POOL},
    ),
    "all nodes are tainted": Broken(check="pools", says="platform cpu", advises="tolerations", breaks=on_node(tainted)),
    "no pool uses the backend": Broken(
        check="pools",
        says="nobody can submit",
        advises="backend: edge",
        level=WARNING,
        config={POOLS: "", "backends:\n": "backends:\n  here: {engine: local}\n"},
    ),
    "KAI is chosen and not installed": Broken(
        check="scheduler",
        says="no scheduling.run.ai",
        advises="scheduler_type: default",
        config={EDGE: EDGE + "    scheduler_settings: {scheduler_type: kai}\n"},
    ),
    "Kueue is chosen and not installed": Broken(
        check="scheduler",
        says="no kueue.x-k8s.io",
        advises="kueue.sigs.k8s.io",
        config={EDGE: EDGE + "    scheduler_settings: {scheduler_type: kueue}\n"},
    ),
    "PodGroups may not be made": Broken(
        check="rights",
        says="create podgroups.scheduling.volcano.sh",
        advises="can-i create podgroups",
        breaks=volcano_without_rights,
        config={EDGE: EDGE + "    scheduler_settings: {scheduler_type: volcano}\n"},
    ),
    "priority classes are missing": Broken(
        check="priorities", says="osmo-low", advises="priority-classes.yaml", breaks=dropped(PRIORITIES, "osmo-low")
    ),
    "a quota is used up": Broken(
        check="quota", says="pods is used: 100 of 100", advises="edit resourcequota argosmo", breaks=used_up("100")
    ),
    "a quota is nearly used up": Broken(
        check="quota", says="95 of 100", advises="edit resourcequota", level=WARNING, breaks=used_up("95")
    ),
    "a proxy refuses large bodies": Broken(
        check="secret-size",
        says="900,000 bytes",
        advises="client_max_body_size",
        breaks=refused("secrets", 413, "Request Entity Too Large"),
    ),
    "there is no store for data": Broken(
        check="storage",
        says="No store",
        advises="workflow_data.credential.endpoint",
        level=WARNING,
        config={"workflow:\n": "", CONFIG[CONFIG.index("  workflow_data") : CONFIG.index("pools:")]: ""},
    ),
    "the store is on loopback": Broken(
        check="storage",
        says="means each pod itself",
        advises="override_url",
        config={STORE: 'override_url: "http://127.0.0.1:9000"'},
    ),
    "a webhook refuses Workflows": Broken(
        check="admission",
        says='admission webhook "policy.example" denied',
        advises="a webhook, a policy, a quota",
        breaks=refused("workflows", 403, 'admission webhook "policy.example" denied the request'),
    ),
    "the clocks differ by a minute": Broken(
        check="clock", says="differ by", advises="timedatectl", breaks=clock_off(timedelta(minutes=-1))
    ),
    "the clocks differ by ten seconds": Broken(
        check="clock", says="differ by", advises="timedatectl", level=WARNING, breaks=clock_off(timedelta(seconds=10))
    ),
    "Kubernetes is old": Broken(
        check="api-server",
        says="1.27.3 is older",
        advises="Upgrade",
        level=WARNING,
        breaks=lambda cluster: setattr(cluster, "version", "v1.27.3"),
    ),
}


@pytest.fixture
def cluster() -> Iterator[ArgoCluster]:
    with fake_kube() as kube:
        yield argo_cluster(kube)


def found_in(cluster: ArgoCluster, text: str = CONFIG, access: ClusterAccess | None = None) -> list[Finding]:
    config = config_for(cluster.kube, text)
    return list(backend_findings("edge", backend_of(config, access), config))


def test_nothing_is_said_against_a_cluster_in_order(cluster: ArgoCluster) -> None:
    assert [finding for finding in found_in(cluster) if finding.level is not Level.OK] == []


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_what_is_broken_is_named_with_what_to_do(cluster: ArgoCluster, broken: Broken) -> None:
    text = CONFIG
    for old, new in broken.config.items():
        assert old in text
        text = text.replace(old, new)
    broken.breaks(cluster)
    found = [finding for finding in found_in(cluster, text) if finding.check == broken.check]
    told = [one for one in found if broken.says in one.found and broken.advises in one.advice]
    assert [one.level for one in told] == [broken.level], found
    assert told[0].backend == "edge"
    assert all(one.advice for one in found if one.level is not Level.OK)


def test_a_server_that_does_not_answer(cluster: ArgoCluster) -> None:
    (finding,) = found_in(cluster, access=ClusterAccess(server="http://127.0.0.1:9"))
    assert (finding.check, finding.level) == ("api-server", PROBLEM)
    assert "backends.edge.cluster" in finding.advice


@pytest.mark.parametrize(
    ("access", "says"),
    [
        (ClusterAccess(kubeconfig="/nowhere/config"), "/nowhere/config cannot be read"),
        (ClusterAccess(server="http://127.0.0.1:9", token_file="/nowhere/token"), "/nowhere/token cannot be read"),
    ],
)
def test_credentials_that_cannot_be_read(cluster: ArgoCluster, access: ClusterAccess, says: str) -> None:
    (finding,) = found_in(cluster, access=access)
    assert (finding.check, finding.level) == ("credentials", PROBLEM)
    assert says in finding.found
    assert "backends.edge.cluster" in finding.advice


def test_a_check_that_is_refused_does_not_stop_the_rest(cluster: ArgoCluster, tmp_path: Path) -> None:
    cluster.kube.fault("status", path="/serviceaccounts/", code=500, times=10)
    levels = {finding.check: finding.level for finding in found_in(cluster)}
    assert levels["task-account"] is WARNING
    assert levels["admission"] is Level.OK


def test_nothing_is_left_behind(cluster: ArgoCluster) -> None:
    def state(kube: FakeKube) -> dict[str, list[str]]:
        return {collection: sorted(kept) for collection, kept in kube.objects.items()}

    before = state(cluster.kube)
    found_in(cluster)
    assert state(cluster.kube) == before
