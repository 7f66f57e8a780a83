"""A cluster with Argo as `argosmo doctor` sees it: everything in order, until a test breaks something."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pools.backend import Backend, ClusterAccess
from pools.config import parse_config
from pools.model import Config
from tests.fakes.kube import NAMESPACE, SECRETS, FakeKube, Json

NAMESPACES = "/api/v1/namespaces"
NODES = "/api/v1/nodes"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
CONFIG_MAPS = f"{NAMESPACES}/{NAMESPACE}/configmaps"
ACCOUNTS = f"{NAMESPACES}/{NAMESPACE}/serviceaccounts"
QUOTAS = f"{NAMESPACES}/{NAMESPACE}/resourcequotas"
PRIORITIES = "/apis/scheduling.k8s.io/v1/priorityclasses"
EXECUTOR_TOKEN = "argosmo-executor.service-account-token"

CONFIG = """\
backends:
  edge:
    cluster: {server: "http://127.0.0.1:1"}
    service_account: argosmo-task
    executor_service_account: argosmo-executor
workflow:
  workflow_data: {credential: {endpoint: "s3://bucket/data", override_url: "http://10.0.0.9:9000"}}
pools:
  default: {backend: edge, default_platform: cpu, platforms: {cpu: {}}}
"""


@dataclass
class ArgoCluster:
    """What the fake server answers beside the objects that it keeps. `break_it` of a test changes any of it."""

    kube: FakeKube
    version: str = "v1.34.4"
    groups: list[str] = field(default_factory=lambda: ["apps", "argoproj.io", "rbac.authorization.k8s.io"])
    denied: set[str] = field(default_factory=set)
    """Rights that the gateway lacks: `list pods`, `get pods/log`."""
    account_rights: dict[str, set[str]] = field(default_factory=dict)
    """What service accounts may do: `create workflowtaskresults`."""
    refusals: dict[str, tuple[int, str]] = field(default_factory=dict)
    """What dry runs are answered with, by plural."""
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def answer(self, method: str, path: str, query: dict[str, str], body: Json) -> tuple[int, Json] | None:
        """Implements `FakeKube.answer`."""
        if method == "GET" and path == "/version":
            return 200, {"gitVersion": self.version}
        if method == "GET" and path == "/apis":
            return 200, {"groups": [{"name": name} for name in self.groups]}
        if method == "POST" and path.endswith("accessreviews"):
            return 201, {**body, "status": {"allowed": self._is_allowed(body["spec"])}}
        if method == "POST" and query.get("dryRun") == "All":
            code, message = self.refusals.get(path.rpartition("/")[2], (201, ""))
            if code != 201:
                return code, {"kind": "Status", "code": code, "message": message, "reason": "Forbidden"}
            stamp = self.clock().strftime("%Y-%m-%dT%H:%M:%SZ")
            return 201, {**body, "metadata": {**body["metadata"], "creationTimestamp": stamp}}
        return None

    def _is_allowed(self, spec: Json) -> bool:
        asked = spec["resourceAttributes"]
        subresource = f"/{asked['subresource']}" if asked.get("subresource") else ""
        right = f"{asked['verb']} {asked['resource']}{subresource}"
        if "user" in spec:
            return right in self.account_rights.get(spec["user"].rpartition(":")[2], set())
        return right not in self.denied

    def change(self, collection: str, name: str, edit: Callable[[Json], None]) -> None:
        """Edit an object in place."""
        found = copy.deepcopy(self.kube.get(collection, name))
        assert found is not None
        edit(found)
        self.kube.put(collection, found)

    def edit_controller(self, edit: Callable[[Json], None]) -> None:
        """Edit the container of Argo's controller."""
        self.change(
            DEPLOYMENTS,
            "workflow-controller",
            lambda found: edit(found["spec"]["template"]["spec"]["containers"][0]),
        )


def argo_cluster(kube: FakeKube) -> ArgoCluster:
    """A server that behaves as a cluster which was set up by `deploy/argo`."""
    made = ArgoCluster(kube)
    kube.answer = made.answer
    made.account_rights["argosmo-executor"] = {"create workflowtaskresults", "patch workflowtaskresults"}
    for name in (NAMESPACE, "kube-system"):
        kube.put(NAMESPACES, {"metadata": {"name": name, "uid": f"uid-of-{name}"}})
    for name in ("osmo-high", "osmo-normal", "osmo-low"):
        kube.put(PRIORITIES, {"metadata": {"name": name}})
    for name in ("default", "argosmo-task", "argosmo-executor"):
        kube.put(ACCOUNTS, {"metadata": {"name": name}})
    kube.put(SECRETS, {"metadata": {"name": EXECUTOR_TOKEN}})
    kube.put(CRDS, crd())
    kube.put(DEPLOYMENTS, controller())
    kube.put(CONFIG_MAPS, {"metadata": {"name": "workflow-controller-configmap"}, "data": {}})
    kube.put(NODES, node("node-1"))
    return made


def config_for(kube: FakeKube, text: str = CONFIG) -> Config:
    """The configuration of a gateway whose backend `edge` is that server."""
    return parse_config({"config.yaml": text.replace("http://127.0.0.1:1", kube.url).encode()})


def backend_of(config: Config, access: ClusterAccess | None = None) -> Backend:
    """The backend `edge`, reached in another way where one is given."""
    backend = config.backends["edge"]
    return backend if access is None else backend.model_copy(update={"cluster": access})


def node(name: str, **labels: str) -> Json:
    """A ready node that has the runtime's image."""
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **labels}},
        "spec": {},
        "status": {
            "allocatable": {"cpu": "8", "memory": "32Gi", "ephemeral-storage": "100Gi", "nvidia.com/gpu": "2"},
            "capacity": {"cpu": "8", "memory": "33Gi", "ephemeral-storage": "110Gi", "nvidia.com/gpu": "2"},
            "conditions": [
                {"type": "MemoryPressure", "status": "False"},
                {"type": "Ready", "status": "True"},
            ],
            "images": [{"names": ["docker.io/library/argosmo-runtime:0.1.0"], "sizeBytes": 1}],
        },
    }


def controller() -> Json:
    """The controller's Deployment."""
    container = {
        "name": "workflow-controller",
        "image": "quay.io/argoproj/workflow-controller:v4.1.2",
        "command": ["workflow-controller"],
        "args": ["--namespaced", "--loglevel", "error", "--qps", "50", "--burst=60"],
        "env": [
            {"name": "DEFAULT_REQUEUE_TIME", "value": "1s"},
            {"name": "ARGO_POD_STATUS_CAPTURE_FINALIZER", "value": "true"},
            {"name": "LEADER_ELECTION_IDENTITY", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        ],
    }
    return {
        "metadata": {"name": "workflow-controller", "namespace": NAMESPACE},
        "spec": {"template": {"spec": {"containers": [container]}}},
        "status": {"readyReplicas": 1},
    }


def crd(*, full: bool = True, newest: bool = True) -> Json:
    """The definition of Workflows, with as much of its schema as is looked at."""
    fields = {"name": {"type": "string"}, **({"pendingTimeout": {"type": "string"}} if newest else {})}
    templates = {"type": "array", "items": {"type": "object", "properties": fields}}
    spec = {"type": "object", "properties": {"templates": templates}} if full else {"type": "object"}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec, "metadata": {"type": "object"}}}}
    return {
        "metadata": {"name": "workflows.argoproj.io"},
        "spec": {"versions": [{"name": "v1alpha1", "schema": schema}]},
    }
