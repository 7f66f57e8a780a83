"""Pods and Workflows as the API server sends them, decoded into the few fields that are needed.

A busy Workflow is an object of a megabyte of which we need a tenth: what is not named here is skipped, not decoded.
Source: argo.md §2.4, §4; argo-verified.md §9.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import zlib
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from translator.argo.labels import GATES, RETRY_ID, TASK_UUID, WORKFLOW_UUID

Code = Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**31 - 2**12)]
"""An exit code: what Kubernetes can say, less the room for what the service adds. Source: workflow-spec.md §5.6."""


class Object(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """Base of what is decoded. Shape: what the server leaves out or sends as null has its default.

    Values like these never refer to themselves; looked at by the garbage collector, they would cost more than decoding.
    """


class Labels(Object, frozen=True, kw_only=True):
    """The labels that matter. Shape: "" where there is none; `completed` is "true" once Argo has seen the pod's end."""

    workflow_uuid: str = msgspec.field(default="", name=WORKFLOW_UUID)
    task_uuid: str = msgspec.field(default="", name=TASK_UUID)
    retry_id: str = msgspec.field(default="", name=RETRY_ID)
    completed: str = msgspec.field(default="", name="workflows.argoproj.io/completed")


class Annotations(Object, frozen=True, kw_only=True):
    """The annotations that matter. Shape: id and name of Argo's node of a pod; `gates` of a Workflow, in our words."""

    node_id: str = msgspec.field(default="", name="workflows.argoproj.io/node-id")
    node_name: str = msgspec.field(default="", name="workflows.argoproj.io/node-name")
    gates: str = msgspec.field(default="", name=GATES)


class Meta(Object, frozen=True, kw_only=True):
    """metadata. Units: `deletion_timestamp` is when the object was told to go, plus its grace."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    labels: Labels | None = None
    annotations: Annotations | None = None
    finalizers: tuple[str, ...] | None = None
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None

    @property
    def captured(self) -> bool:
        """Whether Argo has seen the pod's end and lets it go."""
        return self.labels is not None and self.labels.completed == "true"


class Terminated(Object, frozen=True, kw_only=True):
    """How a container ended."""

    exit_code: Code = 0
    reason: str = ""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None


class Running(Object, frozen=True, kw_only=True):
    """Since when a container runs."""

    started_at: datetime | None = None


class Waiting(Object, frozen=True, kw_only=True):
    """Why a container does not run yet."""

    reason: str = ""
    message: str = ""


class ContainerState(Object, frozen=True, kw_only=True):
    """Exactly one is set; none where the server does not know."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class Container(Object, frozen=True, kw_only=True):
    """One container of a pod."""

    name: str = ""
    state: ContainerState | None = None


class Condition(Object, frozen=True, kw_only=True):
    """One condition of a pod."""

    type: str = ""
    status: str = ""
    reason: str | None = None
    message: str | None = None
    last_transition_time: datetime | None = None


class PodSpec(Object, frozen=True, kw_only=True):
    """Where a pod is placed."""

    node_name: str = ""


class PodStatus(Object, frozen=True, kw_only=True):
    """status of a pod."""

    phase: str = ""
    reason: str = ""
    message: str = ""
    pod_ip: str = msgspec.field(default="", name="podIP")
    start_time: datetime | None = None
    conditions: tuple[Condition, ...] | None = None
    init_container_statuses: tuple[Container, ...] | None = None
    container_statuses: tuple[Container, ...] | None = None


class Pod(Object, frozen=True, kw_only=True):
    """A pod."""

    metadata: Meta
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class Node(Object, frozen=True, kw_only=True):
    """A node of Argo's graph: a pod's, a DAG's, a retry's or a gate's."""

    id: str = ""
    name: str = ""
    display_name: str = ""
    type: str = ""
    phase: str = ""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None


class WorkflowStatus(Object, frozen=True, kw_only=True):
    """status of a Workflow. Shape: `nodes` by id, or packed in `compressed_nodes`; neither before the first one."""

    phase: str = ""
    message: str = ""
    nodes: dict[str, Node] | None = None
    compressed_nodes: str = ""
    finished_at: datetime | None = None


class WorkflowSpec(Object, frozen=True, kw_only=True):
    """What may change in the spec of a Workflow."""

    suspend: bool | None = None
    shutdown: str = ""


class Workflow(Object, frozen=True, kw_only=True):
    """A Workflow."""

    metadata: Meta
    spec: WorkflowSpec = WorkflowSpec()
    status: WorkflowStatus | None = None

    @property
    def phase(self) -> str:
        """Its phase, "" before Argo has looked at it."""
        return self.status.phase if self.status is not None else ""

    @property
    def finished(self) -> bool:
        """Whether Argo is done with it."""
        return self.phase in ("Succeeded", "Failed", "Error")


def decode_pod(data: bytes) -> Pod:
    """A pod. Errors: msgspec.MsgspecError where it is none."""
    return _POD.decode(data)


def decode_workflow(data: bytes) -> Workflow:
    """A Workflow. Errors: msgspec.MsgspecError where it is none."""
    return _WORKFLOW.decode(data)


def nodes_of(workflow: Workflow) -> dict[str, Node]:
    """The nodes of a Workflow by id, unpacked where Argo has packed them; {} where there is none yet.

    Errors: msgspec.MsgspecError where the packed nodes cannot be read.
    """
    status = workflow.status
    if status is None:
        return {}
    if not status.compressed_nodes:
        return status.nodes or {}
    return _NODES.decode(unpacked(status.compressed_nodes))


def unpacked(text: str) -> bytes:
    """What Argo has packed into `compressedNodes`: base64 of gzip.

    Errors: msgspec.DecodeError where it is packed another way (zstd and brotli are choices of later versions).
    """
    try:
        return gzip.decompress(base64.b64decode(text, validate=True))
    except (binascii.Error, OSError, EOFError, zlib.error, ValueError) as error:
        raise msgspec.DecodeError("Expected compressedNodes as base64 of gzip. Use Argo's default packing.") from error


def packed(data: bytes) -> str:
    """The inverse of `unpacked`; same bytes, same text."""
    return base64.b64encode(gzip.compress(data, mtime=0)).decode()


def naive(time: datetime) -> datetime:
    """A time of the API server as naive UTC."""
    if time.tzinfo is UTC:
        return time.replace(tzinfo=None)
    if time.tzinfo is None:
        return time
    try:
        return time.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        # The zero time of Go in another zone lies before what can be said.
        return time.replace(tzinfo=None)


def version_of(meta: Meta) -> int:
    """The object's version as a number, of which a later one is larger; 0 where it is no number."""
    text = meta.resource_version
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


_POD = msgspec.json.Decoder(Pod)
_WORKFLOW = msgspec.json.Decoder(Workflow)
_NODES = msgspec.json.Decoder(dict[str, Node])
