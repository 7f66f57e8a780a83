"""What the wrapper and the sidecar of a pod are told: two JSON documents in a mounted Secret.

This is the contract between translation and the runtime inside pods, versioned; readers refuse a version they do not
know. All user text of a task travels here and in files, never in an Argo template.

The wrapper reads `RUN_FILE` when it starts: it expands `$(NAME)` in argv and in values as Kubernetes does (`$$` for a
dollar sign; a name that is not set stays as it is), appends `TOOLS_DIRECTORY` to PATH, decides exit actions and ends
with the program's code, `EXIT_RESCHEDULE` or `EXIT_STOPPED`. The number of the attempt is in the variable
`OSMO_RETRY_ID`. The sidecar reads `CTRL_FILE`, and credentials from `STORAGE_DIRECTORY`.
Source: design §5, §6; argo-verified.md §1; workflow-spec.md §6, §8.
"""

from __future__ import annotations

import msgspec

from translator.plan.model import CheckpointPlan, ExitRule, Kpi

PAYLOAD_VERSION = 1
DATASETS_VERSION = 2
"""Of documents that name datasets: a runtime that does not know them must not take them."""

RUN_DIRECTORY = "/osmo-run"
RUN_FILE = f"{RUN_DIRECTORY}/run.json"
CTRL_DIRECTORY = "/osmo-ctrl"
CTRL_FILE = f"{CTRL_DIRECTORY}/ctrl.json"
STORAGE_DIRECTORY = "/osmo-storage"
SHARED_DIRECTORY = "/osmo"
WRAPPER_FILE = f"{SHARED_DIRECTORY}/bin/wrapper"
TOOLS_DIRECTORY = f"{SHARED_DIRECTORY}/usr/bin"
SOCKET_FILE = f"{SHARED_DIRECTORY}/run/ctrl.sock"
INPUT_DIRECTORY = f"{SHARED_DIRECTORY}/data/input"
OUTPUT_DIRECTORY = f"{SHARED_DIRECTORY}/data/output"

INIT_COMMAND = ("/wrapper", "install", SHARED_DIRECTORY)
WRAPPER_COMMAND = (WRAPPER_FILE,)
WRAPPER_ARGS = ("run", RUN_FILE)
SIDECAR_COMMAND = ("/ctrl",)
SIDECAR_ARGS = ("run", CTRL_FILE)
RETRY_VARIABLE = "OSMO_RETRY_ID"
NODE_VARIABLE = "OSMO_NODE_NAME"

EXIT_STOPPED = 250
EXIT_RESCHEDULE = 251
COORDINATOR_PORT = 64831
"""In the lead's pod, beside the program's: beyond what Linux gives to outgoing connections, and no usual one."""
SOCKET_TIMEOUT_SECONDS = 600
"""How long the wrapper waits for a sidecar that never opens its socket."""


class Payload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of what is told."""


class Identity(Payload, frozen=True, kw_only=True):
    """Whose pod this is. Shape: names as the user wrote them, uuids of 32 hexadecimal digits."""

    workflow_id: str
    workflow_uuid: str
    group: str
    group_uuid: str
    task: str
    task_uuid: str
    lead: bool


class Watch(Payload, frozen=True, kw_only=True):
    """A path in the user's container that the wrapper hands to the sidecar again and again, and once at the end.

    Only the wrapper can see the container's own files: it packs what `path` (a directory or glob) holds and sends it
    over the socket; the sidecar knows where checkpoint `index` goes. Units: seconds.
    """

    index: int
    path: str
    frequency_seconds: int


class RunPayload(Payload, frozen=True, kw_only=True):
    """`run.json`, for the wrapper.

    Shape: `argv` and the values of `environment` as written, `$(NAME)` not expanded; `environment` in order, of two
    with one name the later counts. `sidecar` says whether to wait for the socket. `keeps_output` false means that
    nothing will be uploaded: the wrapper then says so if the output directory is not empty at the end.
    """

    version: int
    identity: Identity
    argv: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()
    exit_rules: tuple[ExitRule, ...] = ()
    default_exit_rules: tuple[ExitRule, ...] = ()
    max_retries: int = 0
    sidecar: bool = False
    sidecar_returns: bool = False
    socket_timeout_seconds: int = SOCKET_TIMEOUT_SECONDS
    keeps_output: bool = False
    checkpoints: tuple[Watch, ...] = ()


class Fetch(Payload, frozen=True, kw_only=True):
    """A download into `/osmo/data/input/<index>`, in order, before the program starts.

    Shape: `url` is "" where it lies in the intermediate store and none is configured; `service` picks the credential;
    `origin` names the place in the log, "" for its URL. With `manifest` it is what is at or below `path` of a version
    of a dataset, and `url` the location of datasets.
    """

    index: int
    url: str
    origin: str = ""
    regex: str = ""
    service: bool = False
    manifest: str = ""
    path: str = ""


class Push(Payload, frozen=True, kw_only=True):
    """An upload of `/osmo/data/output` after the program ended, whatever its code."""

    url: str
    regex: str = ""
    service: bool = False


class PushDataset(Payload, frozen=True, kw_only=True):
    """What is at or below `path` of the output directory becomes files of a dataset; `index` is told with it."""

    index: int
    name: str
    url: str
    path: str = ""
    regex: str = ""


class Member(Payload, frozen=True, kw_only=True):
    """A task of the group."""

    task: str
    task_uuid: str
    lead: bool = False


class GroupPayload(Payload, frozen=True, kw_only=True):
    """How the members of a group of several find and trust each other.

    Shape: `coordinator` is `host:port` of the lead's sidecar, which listens there itself; only the lead is told the
    `members`, since a group may have a thousand.
    """

    coordinator: str
    token: str
    barrier: bool
    ignore_nonlead_status: bool
    members: tuple[Member, ...] = ()


class SidecarPayload(Payload, frozen=True, kw_only=True):
    """`ctrl.json`, for the sidecar.

    Shape: `outputs` in the order of uploading, the intermediate location first; `intermediate_url` is where KPI files
    go, "" where no store is configured; `image` is the task's, for the passport of its outputs; a checkpoint's place in
    the list is the `index` of the wrapper's `Watch`.
    """

    version: int
    identity: Identity
    inputs: tuple[Fetch, ...] = ()
    outputs: tuple[Push, ...] = ()
    datasets: tuple[PushDataset, ...] = ()
    intermediate_url: str = ""
    image: str = ""
    kpis: tuple[Kpi, ...] = ()
    checkpoints: tuple[CheckpointPlan, ...] = ()
    group: GroupPayload | None = None


def encode_payload(payload: RunPayload | SidecarPayload) -> bytes:
    """The document as JSON, same value same bytes."""
    return _ENCODER.encode(payload)


def decode_run_payload(data: bytes) -> RunPayload:
    """The document of a wrapper. Errors: msgspec.ValidationError where it is none of this version."""
    payload = _RUN_DECODER.decode(data)
    _check_version(payload.version)
    return payload


def decode_sidecar_payload(data: bytes) -> SidecarPayload:
    """The document of a sidecar. Errors: msgspec.ValidationError where it is none of this version."""
    payload = _SIDECAR_DECODER.decode(data)
    _check_version(payload.version)
    return payload


def _check_version(version: int) -> None:
    if version not in (PAYLOAD_VERSION, DATASETS_VERSION):
        raise msgspec.ValidationError(
            f"Expected a payload of version {PAYLOAD_VERSION} or {DATASETS_VERSION}, got {version}. "
            "Use the runtime image of this release."
        )


_ENCODER = msgspec.json.Encoder()
_RUN_DECODER = msgspec.json.Decoder(RunPayload)
_SIDECAR_DECODER = msgspec.json.Decoder(SidecarPayload)
