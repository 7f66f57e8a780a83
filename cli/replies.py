"""The parts of the server's replies that commands read; whatever else a reply holds is ignored.

Source: api.md §2.4-§2.11.
"""

from __future__ import annotations

import msgspec


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all replies."""


class SubmitReply(Reply, frozen=True, kw_only=True):
    """What submit, validate and restart answer."""

    name: str
    overview: str | None = None
    dashboard_url: str | None = None
    logs: str | None = None
    spec: str | None = None
    warnings: list[str] = []


class WorkflowRow(Reply, frozen=True, kw_only=True):
    """One workflow in a list."""

    user: str
    name: str
    submit_time: str
    status: str
    overview: str
    priority: str | None = None
    labels: dict[str, str] | None = None


class WorkflowList(Reply, frozen=True, kw_only=True):
    """One page of workflows; the rows also as they came, for JSON output."""

    workflows: list[msgspec.Raw]
    more_entries: bool = False


class TaskState(Reply, frozen=True, kw_only=True):
    """One try of one task."""

    name: str
    status: str
    retry_id: int = 0
    start_time: str | None = None


class GroupState(Reply, frozen=True, kw_only=True):
    """The tasks that start together."""

    tasks: list[TaskState] = []


class WorkflowDetail(Reply, frozen=True, kw_only=True):
    """One workflow."""

    name: str
    status: str
    submitted_by: str
    submit_time: str
    overview: str
    labels: dict[str, str] | None = None
    pool: str | None = None
    groups: list[GroupState] = []


class Named(Reply, frozen=True, kw_only=True):
    """Something with a name."""

    name: str


class Tags(Reply, frozen=True, kw_only=True):
    """The tags a deployment knows."""

    tags: list[str] = []


class TaskRow(Reply, frozen=True, kw_only=True):
    """One try of one task in a list. Units: storage and memory in GiB."""

    user: str
    workflow_id: str
    task_name: str
    status: str
    retry_id: int = 0
    pool: str | None = None
    node: str | None = None
    priority: str | None = None
    start_time: str | None = None
    duration: float | None = None
    storage: float = 0
    cpu: float = 0
    memory: float = 0
    gpu: float = 0


class TaskList(Reply, frozen=True, kw_only=True):
    """Tasks."""

    tasks: list[TaskRow]


class UseRow(Reply, frozen=True, kw_only=True):
    """What a user's tasks ask for, summed. Units: storage and memory in GiB."""

    user: str
    pool: str | None = None
    priority: str | None = None
    workflow_id: str | None = None
    storage: float = 0
    cpu: float = 0
    memory: float = 0
    gpu: float = 0


class UseList(Reply, frozen=True, kw_only=True):
    """Sums."""

    summaries: list[UseRow]


class Profile(Reply, frozen=True, kw_only=True):
    """What a user has set."""

    username: str
    email_notification: bool | None = None
    slack_notification: bool | None = None
    pool: str | None = None


class TokenInfo(Reply, frozen=True, kw_only=True):
    """The access token a request was made with."""

    name: str
    expires_at: str | None = None


class CredentialEntry(Reply, frozen=True, kw_only=True):
    """A credential without its values."""

    cred_name: str
    cred_type: str
    profile: str | None = None


class CredentialList(Reply, frozen=True, kw_only=True):
    """A user's credentials."""

    credentials: list[CredentialEntry] = []


class ProfileSettings(Reply, frozen=True, kw_only=True):
    """A user's profile and what he may do."""

    profile: Profile
    roles: list[str] = []
    pools: list[str] = []
    token: TokenInfo | None = None


class NodeSetNames(Reply, frozen=True, kw_only=True):
    """Pools that share nodes, by name."""

    pools: list[Named] = []


class PoolNames(Reply, frozen=True, kw_only=True):
    """Which pools there are: keys of `pools`, and again in `node_sets` at gateways that say so."""

    pools: dict[str, msgspec.Raw] = {}
    node_sets: list[NodeSetNames] = []


class Usage(Reply, frozen=True, kw_only=True):
    """GPU counts, as strings (api.md §2.6)."""

    quota_used: str
    quota_free: str
    quota_limit: str
    total_usage: str
    total_capacity: str
    total_free: str


class PoolUse(Reply, frozen=True, kw_only=True):
    """One pool and its use."""

    name: str
    status: str
    resource_usage: Usage
    description: str | None = None


class NodeSet(Reply, frozen=True, kw_only=True):
    """Pools that share nodes."""

    pools: list[PoolUse]


class PoolQuota(Reply, frozen=True, kw_only=True):
    """All pools and the sums over them."""

    node_sets: list[NodeSet]
    resource_sum: Usage


# A node's four amounts: "8", 8, 8.5, "32Gi", or nothing.
Amounts = dict[str, str | float | int | None]
# pool -> platform -> something.
PerPlatform = dict[str, dict[str, Amounts]]


class PlatformRules(Reply, frozen=True, kw_only=True):
    """What tasks may do on a platform."""

    host_network: bool = False
    privileged: bool = False
    default_mounts: list[str] = []
    allowed_mounts: list[str] = []


class Node(Reply, frozen=True, kw_only=True):
    """One node. Shape: `exposed_fields["pool/platform"]` lists `pool/platform` texts."""

    hostname: str
    exposed_fields: dict[str, str | list[str] | None]
    resource_type: str | None = None
    backend: str | None = None
    allocatable_fields: Amounts | None = None
    usage_fields: Amounts | None = None
    platform_allocatable_fields: PerPlatform | None = None
    pool_platform_labels: dict[str, list[str]] | None = None
    config_fields: dict[str, dict[str, PlatformRules]] | None = None

    @property
    def places(self) -> list[tuple[str, str]]:
        """The (pool, platform) pairs the node belongs to; one empty pair where it belongs to none."""
        listed = self.exposed_fields.get("pool/platform")
        texts = listed if isinstance(listed, list) else [listed] if listed else []
        pairs = [(pool, platform) for pool, _, platform in (text.partition("/") for text in texts)]
        return pairs or [("", "")]


class NodeList(Reply, frozen=True, kw_only=True):
    """Nodes."""

    resources: list[Node]


class WaitingReason(Reply, frozen=True, kw_only=True):
    """Why an attempt does not run yet."""

    kind: str
    message: str


class TaskExplained(Reply, frozen=True, kw_only=True):
    """The latest try of one task, as its cluster shows it."""

    name: str
    status: str
    waiting: WaitingReason | None = None
    node_name: str | None = None
    argo_url: str | None = None


class WorkflowExplained(Reply, frozen=True, kw_only=True):
    """One workflow as its cluster shows it."""

    name: str
    status: str
    argo_url: str | None = None
    tasks: list[TaskExplained] = []


class BackendRow(Reply, frozen=True, kw_only=True):
    """One backend as it is now."""

    name: str
    online: bool
    runs_on: str
    description: str = ""
    version: str | None = None
    kubernetes: str | None = None
    capabilities: list[str] = []
    nodes: int | None = None
    nodes_available: int | None = None


class NodeAmounts(Reply, frozen=True, kw_only=True):
    """What a node has. Units: cores, devices, bytes."""

    cpu: int = 0
    gpu: int = 0
    memory_bytes: int = 0


class NodeTaint(Reply, frozen=True, kw_only=True):
    """A taint."""

    key: str
    value: str = ""
    effect: str = ""


class BackendNode(Reply, frozen=True, kw_only=True):
    """One node of a backend."""

    name: str
    available: bool
    allocatable: NodeAmounts
    unschedulable: bool = False
    conditions: dict[str, str] = {}
    taints: list[NodeTaint] = []
    platforms: list[str] = []


class BackendNodes(Reply, frozen=True, kw_only=True):
    """The nodes of a backend; None where they are not known."""

    nodes: list[BackendNode] | None


class BackendRows(Reply, frozen=True, kw_only=True):
    """Backends."""

    backends: list[BackendRow]


class VersionInfo(Reply, frozen=True, kw_only=True):
    """The version of a service."""

    major: str
    minor: str
    revision: str
    hash: str = ""

    def __str__(self) -> str:
        parts = (self.major, self.minor, self.revision, self.hash)
        return ".".join(part for part in parts if part)


class LoginInfo(Reply, frozen=True, kw_only=True):
    """How one logs in at a gateway; all empty where it asks nobody."""

    device_endpoint: str | None = None
    browser_endpoint: str | None = None
    token_endpoint: str | None = None


class RetentionRow(Reply, frozen=True, kw_only=True):
    """What is removed of a workflow. Units: bytes."""

    workflow_id: str
    pool: str | None
    end_time: str
    rule: str
    data: bool
    objects: int
    bytes: int
    logs: bool
    log_bytes: int
    record: bool
    problem: str


class RetentionReply(Reply, frozen=True, kw_only=True):
    """What is removed, or would be."""

    workflows: list[RetentionRow]
    more: bool
