"""The Plan: one workflow as it will run, with every default, token, order and policy resolved.

Frozen, versioned, stored with the workflow as JSON (`encode`/`decode`). Argo manifests and the local engine are two
readings of the same Plan; nothing re-parses YAML later. Secret *values* never stand here, only references to
credentials; runners get the values beside the Plan.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NewType

import msgspec

PLAN_VERSION = 1

WorkflowId = NewType("WorkflowId", str)
WorkflowUuid = NewType("WorkflowUuid", str)
GroupName = NewType("GroupName", str)
TaskName = NewType("TaskName", str)


class Priority(StrEnum):
    """OSMO's priorities; only LOW may be preempted."""

    HIGH = "HIGH"
    NORMAL = "NORMAL"
    LOW = "LOW"


class ExitAction(StrEnum):
    """What an exit code turns into. The order of the members is the order of evaluation."""

    FAIL = "FAIL"
    COMPLETE = "COMPLETE"
    RESCHEDULE = "RESCHEDULE"


class Value(msgspec.Struct, frozen=True, omit_defaults=True):
    """Base of all values of the Plan."""


class FilePlan(Value, frozen=True, kw_only=True):
    """A file injected at an exact path, mode 0644.

    Shape: `contents` is text, or base64 when `base64` is true.
    """

    path: str
    contents: str
    base64: bool = False


class CredentialEnv(Value, frozen=True, kw_only=True):
    """An environment variable whose value is one key of a user's generic credential."""

    variable: str
    credential: str
    key: str


class CredentialFiles(Value, frozen=True, kw_only=True):
    """Every key of a user's generic credential as a file `<directory>/<key>`."""

    directory: str
    credential: str


class TaskInput(Value, frozen=True, kw_only=True, tag="task"):
    """Output of another task, fetched into `/osmo/data/input/<index>` before the command starts.

    Shape: `workflow_id` is that of this workflow, or of an earlier, finished one.
    """

    index: int
    task: TaskName
    workflow_id: WorkflowId
    regex: str = ""


class UrlInput(Value, frozen=True, kw_only=True, tag="url"):
    """An object-store location fetched into `/osmo/data/input/<index>` before the command starts."""

    index: int
    url: str
    regex: str = ""


class DatasetInput(Value, frozen=True, kw_only=True, tag="dataset"):
    """A version of a dataset, fetched into `/osmo/data/input/<index>` before the command starts.

    Shape: `manifest` is the SHA-256 of its list of files, at `location`: the same bytes whoever runs the Plan, and
    whatever a tag is put on later. Only what is at or below `path` is fetched, as if that were the root.
    """

    index: int
    dataset: str
    version: int
    manifest: str
    location: str
    path: str = ""
    regex: str = ""


AnyInput = TaskInput | UrlInput | DatasetInput


class UrlOutput(Value, frozen=True, kw_only=True):
    """`/osmo/data/output` is uploaded to `url` after the command ended, whatever its exit code."""

    url: str
    regex: str = ""


class DatasetOutput(Value, frozen=True, kw_only=True):
    """What is at or below `path` of the output directory becomes a version of a dataset, whatever the exit code.

    Shape: `index` is its place in the task's list of outputs; files go to `location`.
    """

    index: int
    dataset: str
    location: str
    path: str = ""
    regex: str = ""
    labels: dict[str, str] = {}
    metadata: dict[str, Any] = {}


class Kpi(Value, frozen=True, kw_only=True):
    """One file that is uploaded to the task's intermediate location."""

    index: str
    path: str


class CheckpointPlan(Value, frozen=True, kw_only=True):
    """A directory or glob uploaded every `frequency_seconds` while the command runs, and once after it ended."""

    path: str
    url: str
    frequency_seconds: int
    regex: str = ""


class Topology(Value, frozen=True, kw_only=True):
    """A wish to stand in the same topology domain as the other tasks with the same (key, group).

    Shape: `label` is the node label that the pool gives to `key`; a task's entries go from coarse to fine.
    """

    key: str
    label: str = ""
    group: str = "default"
    required: bool = True


class ResourceRequest(Value, frozen=True, kw_only=True):
    """What a task asks for, after the pool's default variables.

    Units: cpu in cores, memory and storage in bytes, gpu a count. `requested_*` hold the text the user wrote
    ("" where he wrote nothing), for templates' variables.
    """

    cpu: float = 0
    gpu: int = 0
    memory_bytes: int = 0
    storage_bytes: int = 0
    requested_cpu: int | None = None
    requested_gpu: int | None = None
    requested_memory: str = ""
    requested_storage: str = ""
    cache_size: str = ""
    nodes_excluded: tuple[str, ...] = ()
    topology: tuple[Topology, ...] = ()


class Mount(Value, frozen=True, kw_only=True):
    """A host path mounted into the task."""

    source: str
    destination: str


class ExitRule(Value, frozen=True, kw_only=True):
    """Codes that lead to one action. Shape: inclusive (low, high) ranges; low > high never matches."""

    action: ExitAction
    ranges: tuple[tuple[int, int], ...]


class TaskPlan(Value, frozen=True, kw_only=True):
    """One container of one group. Tokens are substituted; `$(VAR)` is left to the runner, as Kubernetes does it."""

    name: TaskName
    uuid: str
    lead: bool
    image: str
    command: tuple[str, ...]
    args: tuple[str, ...] = ()
    environment: dict[str, str] = {}
    files: tuple[FilePlan, ...] = ()
    credential_env: tuple[CredentialEnv, ...] = ()
    credential_files: tuple[CredentialFiles, ...] = ()
    inputs: tuple[AnyInput, ...] = ()
    outputs: tuple[UrlOutput, ...] = ()
    datasets: tuple[DatasetOutput, ...] = ()
    # True where the task's output is (also) kept at the intermediate location W/<workflow>/<task>:
    # its group feeds another group, or it lists no outputs (workflow-spec.md §6.2).
    keeps_intermediate: bool = True
    kpis: tuple[Kpi, ...] = ()
    checkpoints: tuple[CheckpointPlan, ...] = ()
    host: str = ""
    """What `{{host:<name>}}` became: a DNS name on a cluster, a loopback address on one machine."""
    platform: str = ""
    resources: ResourceRequest = ResourceRequest()
    # The task's own rules if any code matches, else the pool's defaults: both in order, task first.
    exit_rules: tuple[ExitRule, ...] = ()
    default_exit_rules: tuple[ExitRule, ...] = ()
    max_retries: int = 0
    privileged: bool = False
    host_network: bool = False
    mounts: tuple[Mount, ...] = ()


class GroupPlan(Value, frozen=True, kw_only=True):
    """Tasks that start together; the unit of scheduling, dependency, timeout and clean-up."""

    name: GroupName
    uuid: str
    tasks: tuple[TaskPlan, ...]
    upstream: tuple[GroupName, ...] = ()
    downstream: tuple[GroupName, ...] = ()
    barrier: bool = True
    ignore_nonlead_status: bool = True
    # Names of the group templates that apply, already merged by (apiVersion, kind, name) and not yet rendered.
    extra_objects: tuple[dict[str, Any], ...] = ()

    @property
    def lead(self) -> TaskPlan:
        """The task whose end ends the group."""
        return next(task for task in self.tasks if task.lead)


class PlatformPlan(Value, frozen=True, kw_only=True):
    """The policy of one platform at the time of submission.

    Shape: `pod_template` is the merged, unrendered partial pod manifest; `default_variables` the pool's and the
    platform's, platform first.
    """

    name: str
    pod_template: dict[str, Any] = {}
    default_variables: dict[str, Any] = {}
    default_mounts: tuple[str, ...] = ()


class Plan(Value, frozen=True, kw_only=True):
    """One workflow, fully resolved.

    Units: timeouts in seconds, per group; None where there is no limit.
    """

    version: int = PLAN_VERSION
    name: str
    workflow_id: WorkflowId
    workflow_uuid: WorkflowUuid
    owner: str
    pool: str
    backend: str
    priority: Priority = Priority.NORMAL
    labels: dict[str, str] = {}
    pod_label_prefix: str = ""
    exec_timeout_seconds: float | None = None
    queue_timeout_seconds: float | None = None
    start_timeout_seconds: float | None = 1800.0
    groups: tuple[GroupPlan, ...] = ()
    platforms: dict[str, PlatformPlan] = {}


def encode(plan: Plan) -> bytes:
    """The Plan as JSON; `resolve` makes the same Plan, hence the same bytes, of the same spec.

    Maps keep their order: `$(NAME)` in a variable sees only the variables that come before it.
    """
    return _ENCODER.encode(plan)


def decode(data: bytes) -> Plan:
    """The Plan that `encode` wrote. Errors: msgspec.ValidationError where the bytes are not a Plan of this version."""
    return _DECODER.decode(data)


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Plan)
