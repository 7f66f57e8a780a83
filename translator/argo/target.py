"""What the translation must know of a backend's cluster, as one value."""

from __future__ import annotations

from dataclasses import dataclass, field

from pools.backend import Backend, SchedulerType
from pools.workflow import WorkflowConfig

RUNTIME_IMAGE = "argosmo-runtime:0.1.0"
"""The image that brings the wrapper and the sidecar, where the configuration names none."""

DEFAULT_TTL_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How large a Workflow may become before it is nested or cut.

    Units: `spec_bytes` and `secret_bytes` in bytes of JSON and of data. The first four are hard limits of Argo's full
    CRDs (argo.md §2.1); `spec_bytes` keeps clear of etcd's 1.5 MiB, `nodes` keeps one reconcile short (argo.md §6).
    """

    templates: int = 200
    dag_tasks: int = 200
    parameters: int = 500
    name_length: int = 128
    spec_bytes: int = 700_000
    nodes: int = 1500
    secret_bytes: int = 900_000
    patch_bytes: int = 100_000
    annotation_bytes: int = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduling:
    """The scheduler of the cluster's pods.

    Shape: `name` is what pods carry as schedulerName, "" for none; without `supports_priority` no priority class is
    named anywhere.
    """

    type: SchedulerType = SchedulerType.DEFAULT
    name: str = ""
    supports_priority: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgoTarget:
    """One backend as the translation sees it.

    Shape: `data_url` is the store of intermediate data, "" where there is none. `executor_service_account` "" leaves
    the token of `service_account` mounted, which Argo's executor needs; with one, user containers get no token.
    `extra_pod_paths` are pod fields that templates may set beyond the usual ones (patterns of `allowed.py`).
    Units: `ttl_seconds` after the end until Argo deletes the Workflow; the gateway has captured everything long before.
    """

    namespace: str = "argo"
    cluster_domain: str = "cluster.local"
    init_image: str = RUNTIME_IMAGE
    sidecar_image: str = RUNTIME_IMAGE
    image_pull_policy: str = "Always"
    runtime_pull_policy: str = "IfNotPresent"
    service_account: str = ""
    executor_service_account: str = ""
    instance_id: str = ""
    scheduling: Scheduling = field(default_factory=Scheduling)
    data_url: str = ""
    extra_pod_paths: tuple[str, ...] = ()
    ttl_seconds: int = DEFAULT_TTL_SECONDS
    limits: Limits = field(default_factory=Limits)


def argo_target(backend: Backend, workflow: WorkflowConfig) -> ArgoTarget:
    """The target that a backend and the `workflow` config describe."""
    settings = backend.scheduler_settings
    data = workflow.workflow_data
    return ArgoTarget(
        namespace=backend.namespace,
        cluster_domain=backend.cluster_domain,
        init_image=workflow.backend_images.init or RUNTIME_IMAGE,
        sidecar_image=workflow.backend_images.client or RUNTIME_IMAGE,
        service_account=backend.service_account,
        executor_service_account=backend.executor_service_account,
        scheduling=Scheduling(
            type=settings.scheduler_type, name=settings.effective_name, supports_priority=settings.supports_priority
        ),
        data_url=data.credential.endpoint.rstrip("/") if data.credential is not None else "",
    )
