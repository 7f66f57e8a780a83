"""The fields of a pod that may come out of a translation; everything else is refused.

A pattern is a path with `[]` for the elements of a list, `*` for any key of a map and `**` for everything below.
Grown from what pools set in practice (scheduling, resources, storage, security); left out is what would break the
runtime inside the pod (command lines, probes, restart), undo the scheduler (`nodeName`) or open the node (`hostPID`).
An administrator adds further patterns with `ArgoTarget.extra_pod_paths`.
"""

from __future__ import annotations

from functools import lru_cache

from translator.argo.payload import CTRL_DIRECTORY, RUN_DIRECTORY, SHARED_DIRECTORY, STORAGE_DIRECTORY

METADATA = (
    "metadata.labels.*",
    "metadata.annotations.*",
)

POD = (
    "spec.affinity.**",
    "spec.automountServiceAccountToken",
    "spec.dnsConfig.**",
    "spec.dnsPolicy",
    "spec.enableServiceLinks",
    "spec.hostAliases[].**",
    "spec.hostNetwork",
    "spec.hostUsers",
    "spec.hostname",
    "spec.imagePullSecrets[].name",
    "spec.nodeSelector.*",
    "spec.preemptionPolicy",
    "spec.priorityClassName",
    "spec.resourceClaims[].**",
    "spec.runtimeClassName",
    "spec.schedulerName",
    "spec.securityContext.**",
    "spec.serviceAccountName",
    "spec.shareProcessNamespace",
    "spec.subdomain",
    "spec.terminationGracePeriodSeconds",
    "spec.tolerations[].**",
    "spec.topologySpreadConstraints[].**",
)

VOLUMES = tuple(
    f"spec.volumes[].{source}"
    for source in (
        "name",
        "configMap.**",
        "csi.**",
        "downwardAPI.**",
        "emptyDir.**",
        "ephemeral.**",
        "hostPath.**",
        "image.**",
        "nfs.**",
        "persistentVolumeClaim.**",
        "projected.**",
        "secret.**",
    )
)

ANY_CONTAINER = (
    "name",
    "env[].**",
    "envFrom[].**",
    "imagePullPolicy",
    "resources.limits.*",
    "resources.requests.*",
    "resources.claims[].**",
    "securityContext.**",
    "volumeDevices[].**",
    "volumeMounts[].**",
    "workingDir",
)
"""What any container may have, ours too."""

MAIN_CONTAINER = (*ANY_CONTAINER, "image", "command[]", "args[]", "ports[].**")
"""`main` has its image and command from us, and must keep them; ports are only a remark."""

FOREIGN_CONTAINER = (
    *ANY_CONTAINER,
    "image",
    "command[]",
    "args[]",
    "ports[].**",
    "lifecycle.**",
    "livenessProbe.**",
    "readinessProbe.**",
    "startupProbe.**",
    "tty",
    "stdin",
)
"""What a container that a template adds may have; it does not carry the task."""

FOREIGN_INIT_CONTAINER = (*ANY_CONTAINER, "image", "command[]", "args[]")
"""What an init container that a template adds may have; `restartPolicy` would make it stay."""

RESERVED_CONTAINERS = frozenset({"wait", "init", "supervisor", "argoexec"})
"""Containers of Argo's own."""
RESERVED_VOLUME_PREFIXES = ("osmo", "var-run-argo", "tmp-dir-argo", "input-artifacts", "argo")
"""Volumes of ours and of Argo's."""
RESERVED_DIRECTORIES = (
    SHARED_DIRECTORY,
    RUN_DIRECTORY,
    CTRL_DIRECTORY,
    STORAGE_DIRECTORY,
    "/var/run/argo",
    "/argo",
    "/mainctrfs",
)
"""Directories of ours and of Argo's; nothing is mounted at, in or over them."""
RESERVED_VARIABLE_PREFIXES = ("OSMO_", "ARGO_")
"""Environment variables of ours and of Argo's."""


@lru_cache(maxsize=4096)
def is_reserved_path(path: str) -> bool:
    """Whether something mounted at `path` would stand in a reserved directory, or hide one."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts or not parts:
        return True
    place = "/" + "/".join(parts)
    return any(
        place == directory or place.startswith(f"{directory}/") or directory.startswith(f"{place}/")
        for directory in RESERVED_DIRECTORIES
    )
