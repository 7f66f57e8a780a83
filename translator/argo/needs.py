"""Whether a task's pod has a sidecar, of which kind, and what it keeps.

Source: design §5; argo-verified.md §1.3; workflow-spec.md §6.2.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from translator.argo.payload import OUTPUT_DIRECTORY
from translator.plan.model import GroupPlan, TaskPlan


class SidecarKind(StrEnum):
    """How the sidecar stands in the pod.

    DATA: one of Argo's `sidecars`, ended by Argo when the program has ended; nothing restarts it.
    COORDINATOR: a native sidecar (an init container that stays), restarted by the kubelet after a crash, because a
    whole group hangs on it; costs about 3 s a pod, and needs Kubernetes 1.29.
    """

    NONE = "none"
    DATA = "data"
    COORDINATOR = "coordinator"


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """What a task's pod needs beside the program. Shape: `keeps_output`: kept at the intermediate location."""

    sidecar: SidecarKind
    keeps_output: bool


def needs(task: TaskPlan, group: GroupPlan) -> Needs:
    """What a task's pod needs.

    A last task without outputs is kept by OSMO too, for later workflows to read; one in which nothing names the output
    directory has nothing to keep, and is spared a sidecar. The wrapper says so should it write there all the same.
    """
    several = len(group.tasks) > 1
    keeps = task.keeps_intermediate and (several or bool(group.downstream) or _names_output(task))
    if several:
        kind = SidecarKind.COORDINATOR
    elif keeps or task.inputs or task.outputs or task.datasets or task.kpis or task.checkpoints:
        kind = SidecarKind.DATA
    else:
        kind = SidecarKind.NONE
    return Needs(sidecar=kind, keeps_output=keeps)


def _names_output(task: TaskPlan) -> bool:
    for texts in (task.command, task.args, task.environment.values()):
        for text in texts:
            if OUTPUT_DIRECTORY in text:
                return True
    return any(OUTPUT_DIRECTORY in file.path or OUTPUT_DIRECTORY in file.contents for file in task.files)
