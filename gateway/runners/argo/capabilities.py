"""What a backend's cluster is and can: asked once when a gateway meets it, and by `argosmo doctor` and `backend list`.

What may not be read is left open rather than guessed; nothing here is needed to run workflows.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from gateway.runners.argo.client import KubeClient
from gateway.runners.argo.controller import (
    CONFIG_MAP,
    CONFIG_MAP_DECODER,
    DEPLOYMENT,
    ConfigMap,
    ControllerSettings,
    controller_settings,
    is_controller,
)
from gateway.runners.argo.faults import NotThere, Refused
from pools.backend import SchedulerType
from translator.argo.observe_objects import Meta, Object

_USUAL_NAMESPACES = ("argo", "argo-workflows", "kubeflow")


class CrdKind(StrEnum):
    """How much Argo's definition of a Workflow says. FULL refuses what is malformed, and brings hard limits."""

    FULL = "full"
    MINIMAL = "minimal"
    ABSENT = "absent"
    UNKNOWN = "unknown"


SCHEDULER_GROUPS = {
    SchedulerType.KAI: "scheduling.run.ai",
    SchedulerType.KUEUE: "kueue.x-k8s.io",
    SchedulerType.VOLCANO: "scheduling.volcano.sh",
}
"""The API group that tells that a scheduler is installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """One cluster.

    Shape: `cluster_uid` "" and `controller` None where they may not be read or are not there; `has_pending_timeout` is
    true where full CRDs are of Argo 4.1 or later; `other_controllers` watch other namespaces.
    """

    kubernetes: str
    cluster_uid: str = ""
    crds: CrdKind = CrdKind.UNKNOWN
    has_pending_timeout: bool = False
    schedulers: tuple[SchedulerType, ...] = ()
    controller: ControllerSettings | None = None
    other_controllers: tuple[ControllerSettings, ...] = ()

    @property
    def argo(self) -> str:
        """Argo's version, "" where it is not known."""
        version = self.controller.version if self.controller is not None else None
        return ".".join(map(str, version)) if version is not None else ""

    @property
    def words(self) -> tuple[str, ...]:
        """What is worth telling apart, for a list."""
        crds = (f"{self.crds}-crds",) if self.crds is not CrdKind.UNKNOWN else ()
        return (*crds, *self.schedulers)


def detect(client: KubeClient, namespace: str) -> Capabilities:
    """The capabilities of a cluster whose Workflows run in `namespace`. Errors: TryAgain where it cannot be reached."""
    crds, has_pending_timeout = workflow_crds(client)
    controller, others = found_controllers(client, namespace)
    return Capabilities(
        kubernetes=kubernetes_version(client),
        cluster_uid=cluster_uid(client),
        crds=crds,
        has_pending_timeout=has_pending_timeout,
        schedulers=installed_schedulers(client),
        controller=controller,
        other_controllers=others,
    )


def kubernetes_version(client: KubeClient) -> str:
    """`1.34.4`. Errors: ClusterError."""
    return msgspec.json.decode(client.get("/version"), type=_Version).git_version.removeprefix("v")


def cluster_uid(client: KubeClient) -> str:
    """The uid of kube-system, which tells a cluster from another; "" where it may not be read."""
    data = optional(client, "/api/v1/namespaces/kube-system")
    return _OBJECT.decode(data).metadata.uid if data is not None else ""


def api_groups(client: KubeClient) -> frozenset[str]:
    """The names of all API groups. Errors: ClusterError."""
    return frozenset(one.name for one in msgspec.json.decode(client.get("/apis"), type=_Groups).groups)


def installed_schedulers(client: KubeClient) -> tuple[SchedulerType, ...]:
    """The schedulers beside Kubernetes' own. Errors: ClusterError."""
    groups = api_groups(client)
    return tuple(kind for kind, group in SCHEDULER_GROUPS.items() if group in groups)


def workflow_crds(client: KubeClient) -> tuple[CrdKind, bool]:
    """The kind of Argo's CRDs, and whether full ones are of 4.1 or later. Errors: ClusterError."""
    try:
        data = client.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/workflows.argoproj.io")
    except NotThere:
        return CrdKind.ABSENT, False
    except Refused:
        return (CrdKind.UNKNOWN if "argoproj.io" in api_groups(client) else CrdKind.ABSENT), False
    for version in _CRD.decode(data).spec.versions:
        spec = version.schema_.open_api.properties.get("spec", _Schema())
        templates = spec.properties.get("templates", _Schema())
        if spec.properties:
            known = templates.items.properties if templates.items is not None else {}
            return CrdKind.FULL, "pendingTimeout" in known
    return CrdKind.MINIMAL, False


def found_controllers(
    client: KubeClient, namespace: str
) -> tuple[ControllerSettings | None, tuple[ControllerSettings, ...]]:
    """The controller of a namespace, as far as its Deployment can be seen, and others that were met on the way.

    Shape: the one that watches the namespace, else one that stands in it. Looked for in the namespace itself, then in
    all, then where it usually is. Errors: TryAgain.
    """
    others: list[ControllerSettings] = []
    for place in dict.fromkeys((namespace, "", *_USUAL_NAMESPACES)):
        found = _controllers_in(client, place)
        for settings in found or ():
            if settings.watches(namespace):
                return settings, ()
            if settings not in others:
                others.append(settings)
        if not place and found is not None:
            break
    here = next((one for one in others if one.namespace == namespace), None)
    return here, tuple(one for one in others if one is not here)


def optional(client: KubeClient, path: str) -> bytes | None:
    """An object or list, None where it is not there or not to be read. Errors: TryAgain."""
    try:
        return client.get(path)
    except (NotThere, Refused):
        return None


def _controllers_in(client: KubeClient, namespace: str) -> list[ControllerSettings] | None:
    """All controllers of a namespace ("": of all); None where Deployments may not be listed there."""
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments" if namespace else "/apis/apps/v1/deployments"
    data = optional(client, path)
    if data is None:
        return None
    deployments = [DEPLOYMENT.decode(item) for item in _LIST.decode(data).items or ()]
    return [
        controller_settings(one, _config_map(client, one.metadata.namespace))
        for one in deployments
        if is_controller(one)
    ]


def _config_map(client: KubeClient, namespace: str) -> ConfigMap | None:
    data = optional(client, f"/api/v1/namespaces/{namespace}/configmaps/{CONFIG_MAP}")
    return CONFIG_MAP_DECODER.decode(data) if data is not None else None


class _Version(Object, frozen=True, kw_only=True):
    git_version: str = ""


class _Group(Object, frozen=True, kw_only=True):
    name: str = ""


class _Groups(Object, frozen=True, kw_only=True):
    groups: tuple[_Group, ...] = ()


class _Named(Object, frozen=True, kw_only=True):
    metadata: Meta


class _List(msgspec.Struct, frozen=True):
    items: list[msgspec.Raw] | None = None


class _Schema(msgspec.Struct, frozen=True):
    properties: dict[str, _Schema] = {}
    items: _Schema | None = None


class _Validation(msgspec.Struct, frozen=True):
    open_api: _Schema = msgspec.field(default=_Schema(), name="openAPIV3Schema")


class _CrdVersion(msgspec.Struct, frozen=True):
    schema_: _Validation = msgspec.field(default=_Validation(), name="schema")


class _CrdSpec(msgspec.Struct, frozen=True):
    versions: tuple[_CrdVersion, ...] = ()


class _Crd(msgspec.Struct, frozen=True):
    spec: _CrdSpec = _CrdSpec()


_OBJECT = msgspec.json.Decoder(_Named)
_LIST = msgspec.json.Decoder(_List)
_CRD = msgspec.json.Decoder(_Crd)
