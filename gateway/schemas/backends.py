"""Backends: OSMO's config object, and ours with what is known of each now. Source: api.md §2.13, §8.3."""

from __future__ import annotations

from gateway.schemas.wire import Reply, Timestamp


class SchedulerSettings(Reply):
    """How pods are scheduled. Units: the timeout in seconds."""

    scheduler_type: str
    scheduler_name: str
    scheduler_timeout: int


class NodeConditions(Reply):
    """Which conditions a node may be in."""

    rules: dict[str, str]
    prefix: str


class BackendConfig(Reply):
    """A backend as OSMO shows it: no field is null. `version` is that of Argo Workflows; "" where it is not known."""

    name: str
    description: str
    version: str
    k8s_uid: str
    k8s_namespace: str
    dashboard_url: str
    grafana_url: str
    tests: list[str]
    scheduler_settings: SchedulerSettings
    node_conditions: NodeConditions
    last_heartbeat: Timestamp
    created_date: Timestamp
    router_address: str
    online: bool


class BackendList(Reply):
    """All backends by name."""

    backends: list[BackendConfig]


class BackendState(Reply):
    """A backend as it is now. Shape: null is what is not known; `runs_on` is `argo` or `local engine`."""

    name: str
    description: str
    online: bool
    runs_on: str
    namespace: str | None
    version: str | None
    kubernetes: str | None
    cluster_uid: str | None
    capabilities: list[str]
    nodes: int | None
    nodes_available: int | None
    last_heartbeat: Timestamp | None
    argo_ui_url: str | None


class NodeAmounts(Reply):
    """What a node has. Units: cores, devices, bytes."""

    cpu: int
    gpu: int
    memory_bytes: int
    storage_bytes: int


class NodeTaint(Reply):
    """A taint as Kubernetes writes it."""

    key: str
    value: str
    effect: str


class BackendNode(Reply):
    """One node, also one that may take no work now. Shape: `platforms` as `pool/platform`."""

    name: str
    available: bool
    unschedulable: bool
    conditions: dict[str, str]
    labels: dict[str, str]
    taints: list[NodeTaint]
    allocatable: NodeAmounts
    capacity: NodeAmounts | None
    platforms: list[str]


class BackendNodes(Reply):
    """The nodes of one backend by name; null where they are not known."""

    nodes: list[BackendNode] | None


class BackendStates(Reply):
    """All backends by name."""

    backends: list[BackendState]
