"""Where objects are found in the API: kinds of ours by heart, those of group templates by asking the server."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import msgspec

from gateway.runners.argo.client import KubeClient
from gateway.runners.argo.faults import NotThere, Refused
from translator.argo.objects import WORKFLOW_API_VERSION

_KNOWN = {
    (WORKFLOW_API_VERSION, "Workflow"): "workflows",
    ("v1", "Pod"): "pods",
    ("v1", "Secret"): "secrets",
    ("v1", "Service"): "services",
    ("v1", "ConfigMap"): "configmaps",
    ("v1", "Event"): "events",
    ("v1", "PersistentVolumeClaim"): "persistentvolumeclaims",
    ("networking.k8s.io/v1", "NetworkPolicy"): "networkpolicies",
}


class Paths:
    """Paths of one namespace. Safe from any thread."""

    def __init__(self, client: KubeClient, namespace: str) -> None:
        self._client = client
        self._namespace = namespace
        self._plurals: dict[tuple[str, str], str] = dict(_KNOWN)
        self._lock = threading.Lock()

    @property
    def workflows(self) -> str:
        """All Workflows."""
        return self.of(WORKFLOW_API_VERSION, "Workflow")

    @property
    def pods(self) -> str:
        """All pods."""
        return self.of("v1", "Pod")

    @property
    def events(self) -> str:
        """All events."""
        return self.of("v1", "Event")

    def workflow(self, name: str) -> str:
        """One Workflow."""
        return f"{self.workflows}/{name}"

    def pod(self, name: str) -> str:
        """One pod."""
        return f"{self.pods}/{name}"

    def log(self, pod: str) -> str:
        """The log of one pod's containers."""
        return f"{self.pods}/{pod}/log"

    def of(self, api_version: str, kind: str) -> str:
        """All objects of a kind in the namespace. Errors: ClusterError; Refused where the server has no such kind."""
        root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        return f"{root}/namespaces/{self._namespace}/{self._plural(root, api_version, kind)}"

    def _plural(self, root: str, api_version: str, kind: str) -> str:
        with self._lock:
            known = self._plurals.get((api_version, kind))
        if known is not None:
            return known
        try:
            found = _resources(self._client.get(root))
        except NotThere as error:
            raise Refused(f"The cluster does not know {api_version}. Install what brings {kind}.") from error
        if kind not in found:
            raise Refused(f"The cluster has no namespaced {kind} in {api_version}. Install what brings it.")
        with self._lock:
            self._plurals.update({(api_version, name): plural for name, plural in found.items()})
        return found[kind]


class _Resource(msgspec.Struct, frozen=True):
    name: str
    kind: str
    namespaced: bool = True


class _Resources(msgspec.Struct, frozen=True):
    resources: tuple[_Resource, ...] = ()


def _resources(data: bytes) -> Mapping[str, str]:
    """Plural by kind, of what lives in namespaces; subresources left out."""
    found = msgspec.json.decode(data, type=_Resources).resources
    return {one.kind: one.name for one in found if one.namespaced and "/" not in one.name}
