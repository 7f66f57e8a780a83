"""The pod of a task before the pool's policy: what the Plan says, in Kubernetes' words.

What differs from task to task is a mark (`slots.py`), so equal tasks have one pod between them.
Source: design §5; argo-verified.md §1; workflow-spec.md §8.
"""

from __future__ import annotations

from dataclasses import dataclass

from pools.platforms import SIDECAR_NAME
from templates.merge import Json, JsonObject
from translator.argo.labels import (
    GROUP_NAME,
    GROUP_UUID,
    LEAD_CONTAINER,
    PLATFORM,
    RETRY_ID,
    TASK_NAME,
    TASK_UUID,
    label_value,
)
from translator.argo.needs import SidecarKind
from translator.argo.payload import (
    CTRL_DIRECTORY,
    INIT_COMMAND,
    NODE_VARIABLE,
    OUTPUT_DIRECTORY,
    RETRY_VARIABLE,
    RUN_DIRECTORY,
    SHARED_DIRECTORY,
    SIDECAR_ARGS,
    SIDECAR_COMMAND,
    STORAGE_DIRECTORY,
    WRAPPER_ARGS,
    WRAPPER_COMMAND,
)
from translator.argo.retries import Retries
from translator.argo.schedulers.adapter import PodSettings
from translator.argo.secret_book import Place
from translator.argo.slots import Slot
from translator.argo.target import ArgoTarget
from translator.plan.model import Mount, ResourceRequest

MAIN = "main"
INIT = "osmo-init"
SHARED_VOLUME = "osmo"
RUN_VOLUME = "osmo-run"
CTRL_VOLUME = "osmo-ctrl"
STORAGE_VOLUME = "osmo-storage"
FILES_VOLUME = "osmo-files"
MOUNT_VOLUME = "osmo-mount-"
FILE_MODE = 0o644
STORAGE_ENDING = "-storage"
"""The Secret with storage credentials is named after its Workflow, with this at the end."""
_RUN_SECRET = f"{Slot.WORKFLOW.mark}-run-{Slot.SECRET.mark}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMount:
    """A file at its exact path; `place` None: the task's own entry number `number`."""

    path: str
    number: int
    place: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PodShape:
    """All that a pod depends on beside its marks; equal shapes have equal pods.

    Shape: `variables` are the values of templates' variables that differ from task to task, () where the platform's
    template names none of them.
    """

    platform: str
    resources: ResourceRequest
    sidecar: SidecarKind
    retries: Retries | None
    several: bool
    privileged: bool
    host_network: bool
    mounts: tuple[Mount, ...]
    files: tuple[FileMount, ...]
    settings: PodSettings
    variables: tuple[tuple[str, str], ...] = ()


def base_pod(shape: PodShape, target: ArgoTarget) -> JsonObject:
    """The pod of `shape`: metadata and spec, `main` first among its containers."""
    containers: list[Json] = [_main(shape, target)]
    if shape.sidecar is not SidecarKind.NONE:
        containers.append(_sidecar(shape, target))
    spec: JsonObject = {
        "containers": containers,
        "initContainers": [_init(target)],
        "volumes": [*_volumes(shape)],
        **shape.settings.spec,
    }
    if shape.host_network:
        spec["hostNetwork"] = True
    if shape.several:
        spec |= {"hostname": Slot.TASK_UUID.mark, "subdomain": f"osmo-{Slot.GROUP_UUID.mark}"}
    return {"metadata": system_metadata(shape), "spec": spec}


def system_metadata(shape: PodShape) -> JsonObject:
    """Labels and annotations that nothing may replace, the workflow's left out: they stand on every pod of the run."""
    labels: JsonObject = {
        GROUP_NAME: Slot.GROUP.mark,
        GROUP_UUID: Slot.GROUP_UUID.mark,
        TASK_NAME: Slot.TASK.mark,
        TASK_UUID: Slot.TASK_UUID.mark,
        LEAD_CONTAINER: Slot.LEAD.mark,
        RETRY_ID: Slot.ATTEMPT.mark if shape.retries else "0",
        **shape.settings.labels,
    }
    if platform := label_value(shape.platform):
        labels[PLATFORM] = platform
    return {"labels": labels, "annotations": {**shape.settings.annotations}}


def _main(shape: PodShape, target: ArgoTarget) -> JsonObject:
    mounts = [_mount(SHARED_VOLUME, SHARED_DIRECTORY), _mount(RUN_VOLUME, RUN_DIRECTORY, read_only=True)]
    mounts += [_file_mount(file) for file in shape.files]
    mounts += [_mount(f"{MOUNT_VOLUME}{number}", mount.destination) for number, mount in enumerate(shape.mounts)]
    main: JsonObject = {
        "name": MAIN,
        "image": Slot.IMAGE.mark,
        "imagePullPolicy": target.image_pull_policy,
        "command": [*WRAPPER_COMMAND],
        "args": [*WRAPPER_ARGS],
        "volumeMounts": [*mounts],
    }
    environment = _attempt(shape)
    if not shape.resources.gpu:
        # Else the container runtime's default shows all GPUs of the node to tasks that asked for none.
        environment.append({"name": "NVIDIA_VISIBLE_DEVICES", "value": ""})
    if environment:
        main["env"] = environment
    if shape.privileged:
        main["securityContext"] = {"privileged": True}
    return main


def _sidecar(shape: PodShape, target: ArgoTarget) -> JsonObject:
    mounts = [
        _mount(SHARED_VOLUME, SHARED_DIRECTORY),
        _mount(CTRL_VOLUME, CTRL_DIRECTORY, read_only=True),
        _mount(STORAGE_VOLUME, STORAGE_DIRECTORY, read_only=True),
    ]
    # A file mounted into the output directory is seen by the container it is mounted in only.
    mounts += [_file_mount(file) for file in shape.files if file.path.startswith(f"{OUTPUT_DIRECTORY}/")]
    node: JsonObject = {"name": NODE_VARIABLE, "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    return {
        "name": SIDECAR_NAME,
        "image": target.sidecar_image,
        "imagePullPolicy": target.runtime_pull_policy,
        "command": [*SIDECAR_COMMAND],
        "args": [*SIDECAR_ARGS],
        "env": [*_attempt(shape), node],
        "volumeMounts": [*mounts],
    }


def _init(target: ArgoTarget) -> JsonObject:
    return {
        "name": INIT,
        "image": target.init_image,
        "imagePullPolicy": target.runtime_pull_policy,
        "command": [*INIT_COMMAND],
        "volumeMounts": [_mount(SHARED_VOLUME, SHARED_DIRECTORY)],
    }


def _attempt(shape: PodShape) -> list[Json]:
    return [{"name": RETRY_VARIABLE, "value": Slot.ATTEMPT.mark}] if shape.retries else []


def _volumes(shape: PodShape) -> list[JsonObject]:
    volumes: list[JsonObject] = [
        {"name": SHARED_VOLUME, "emptyDir": {}},
        {"name": RUN_VOLUME, "secret": _own_entry("run", "run.json")},
    ]
    if shape.sidecar is not SidecarKind.NONE:
        volumes.append({"name": CTRL_VOLUME, "secret": _own_entry("ctrl", "ctrl.json")})
        volumes.append({"name": STORAGE_VOLUME, "secret": {"secretName": f"{Slot.WORKFLOW.mark}{STORAGE_ENDING}"}})
    if shape.files:
        projected: JsonObject = {"defaultMode": FILE_MODE, "sources": [*_sources(shape.files)]}
        volumes.append({"name": FILES_VOLUME, "projected": projected})
    for number, mount in enumerate(shape.mounts):
        volumes.append({"name": f"{MOUNT_VOLUME}{number}", "hostPath": {"path": mount.source}})
    return volumes


def _own_entry(ending: str, path: str) -> JsonObject:
    items: list[Json] = [{"key": f"{Slot.KEY.mark}.{ending}", "path": path}]
    return {"secretName": _RUN_SECRET, "items": items}


def _sources(files: tuple[FileMount, ...]) -> list[JsonObject]:
    """The entries by Secret, in the order of the files."""
    items: dict[str, list[Json]] = {}
    for file in files:
        secret = file.place.secret if file.place else _RUN_SECRET
        key = file.place.key if file.place else f"{Slot.KEY.mark}.{file.number}"
        items.setdefault(secret, []).append({"key": key, "path": str(file.number)})
    return [{"secret": {"name": secret, "items": entries}} for secret, entries in items.items()]


def _file_mount(file: FileMount) -> JsonObject:
    return {**_mount(FILES_VOLUME, file.path, read_only=True), "subPath": str(file.number)}


def _mount(volume: str, path: str, *, read_only: bool = False) -> JsonObject:
    mount: JsonObject = {"name": volume, "mountPath": path}
    return {**mount, "readOnly": True} if read_only else mount
