"""Volcano: a PodGroup of ours for every group of several tasks; topology by affinity between pods.

Volcano makes a PodGroup of one for every other pod, from its queue annotation. Its own network topology knows tiers of
HyperNodes, not labels of nodes, so it is not used. Source: argo.md §3.1; Volcano's PodGroup v1beta1.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from templates.merge import JsonObject
from translator.argo.schedulers.adapter import PodSettings, Scope, priority_spec, scheduler_name
from translator.argo.schedulers.topology import affinity, topology_labels
from translator.argo.slots import Slot
from translator.plan.model import GroupPlan, TaskPlan

API_VERSION = "scheduling.volcano.sh/v1beta1"
GROUP_ANNOTATION = "scheduling.k8s.io/group-name"
QUEUE_ANNOTATION = "scheduling.volcano.sh/queue-name"


class VolcanoScheduler:
    """The adapter of `volcano`."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._spec: JsonObject = {**scheduler_name(scope), **priority_spec(scope, also_normal=True)}
        self._made: dict[Hashable, PodSettings] = {}

    def pod_settings(self, group: GroupPlan, task: TaskPlan) -> PodSettings:
        """Queue, priority, the group's name, affinity where a topology is wished for."""
        several = len(group.tasks) > 1
        topology = task.resources.topology
        key = (several, topology)
        made = self._made.get(key)
        if made is None:
            annotations = {QUEUE_ANNOTATION: self._scope.queue}
            if several:
                annotations[GROUP_ANNOTATION] = Slot.GROUP_UUID.mark
            spec: JsonObject = {**self._spec, "affinity": affinity(topology)} if topology else self._spec
            made = PodSettings(labels=topology_labels(topology), annotations=annotations, spec=spec)
            self._made[key] = made
        return made

    def group_objects(self, group: GroupPlan) -> Sequence[JsonObject]:
        """The PodGroup, named by the group's uuid, of a group of several."""
        if len(group.tasks) < 2:
            return ()
        spec: JsonObject = {"minMember": len(group.tasks), "queue": self._scope.queue}
        if self._scope.priority_class:
            spec["priorityClassName"] = self._scope.priority_class
        return ({"apiVersion": API_VERSION, "kind": "PodGroup", "metadata": {"name": group.uuid}, "spec": spec},)
