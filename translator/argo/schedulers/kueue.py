"""Kueue: pods of a group are held back until the whole group is admitted to the pool's queue.

Source: argo.md §3.1; Kueue docs, "Run plain pods", "Topology aware scheduling".
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from templates.merge import JsonObject
from translator.argo.retries import retries
from translator.argo.schedulers.adapter import PodSettings, Scope, scheduler_name
from translator.argo.slots import Slot
from translator.plan.model import GroupPlan, TaskPlan

QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
PRIORITY_LABEL = "kueue.x-k8s.io/priority-class"
GROUP_LABEL = "kueue.x-k8s.io/pod-group-name"
COUNT_ANNOTATION = "kueue.x-k8s.io/pod-group-total-count"
RETRIABLE_ANNOTATION = "kueue.x-k8s.io/retriable-in-group"
REQUIRED_TOPOLOGY = "kueue.x-k8s.io/podset-required-topology"
PREFERRED_TOPOLOGY = "kueue.x-k8s.io/podset-preferred-topology"


class KueueScheduler:
    """The adapter of `kueue`."""

    def __init__(self, scope: Scope) -> None:
        self._spec = scheduler_name(scope)
        self._labels = {QUEUE_LABEL: scope.queue}
        if scope.priority_class:
            self._labels[PRIORITY_LABEL] = scope.priority_class
        self._made: dict[Hashable, PodSettings] = {}
        self._final: dict[str, bool] = {}

    def pod_settings(self, group: GroupPlan, task: TaskPlan) -> PodSettings:
        """Queue and priority; of a group its name and size; the finest topology level."""
        size = len(group.tasks)
        final = size > 1 and self._is_final(group)
        topology = task.resources.topology[-1:]
        key = (size, final, topology)
        made = self._made.get(key)
        if made is None:
            labels, annotations = dict(self._labels), {}
            if size > 1:
                labels[GROUP_LABEL] = Slot.GROUP_UUID.mark
                annotations[COUNT_ANNOTATION] = str(size)
            if final:
                annotations[RETRIABLE_ANNOTATION] = "false"
            for level in topology:
                annotations[REQUIRED_TOPOLOGY if level.required else PREFERRED_TOPOLOGY] = level.label or level.key
            made = self._made[key] = PodSettings(labels=labels, annotations=annotations, spec=self._spec)
        return made

    def group_objects(self, group: GroupPlan) -> Sequence[JsonObject]:
        """None: Kueue makes its Workload from the pods."""
        return ()

    def _is_final(self, group: GroupPlan) -> bool:
        """Without replacements to come, Kueue may free the quota as soon as all pods of the group have ended."""
        if group.uuid not in self._final:
            self._final[group.uuid] = not any(retries(member) for member in group.tasks)
        return self._final[group.uuid]
