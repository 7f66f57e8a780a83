"""Kubernetes' own scheduler: no gang, no queue; topology by affinity between pods."""

from __future__ import annotations

from collections.abc import Sequence

from templates.merge import JsonObject
from translator.argo.schedulers.adapter import PodSettings, Scope, priority_spec, scheduler_name
from translator.argo.schedulers.topology import affinity, topology_labels
from translator.plan.model import GroupPlan, TaskPlan, Topology


class PlainScheduler:
    """The adapter of `default`."""

    def __init__(self, scope: Scope) -> None:
        self._spec: JsonObject = {**scheduler_name(scope), **priority_spec(scope, also_normal=False)}
        self._made: dict[tuple[Topology, ...], PodSettings] = {}

    def pod_settings(self, group: GroupPlan, task: TaskPlan) -> PodSettings:
        """Priority, and affinity where a topology is wished for."""
        topology = task.resources.topology
        made = self._made.get(topology)
        if made is None:
            spec: JsonObject = {**self._spec, "affinity": affinity(topology)} if topology else self._spec
            made = self._made[topology] = PodSettings(labels=topology_labels(topology), spec=spec)
        return made

    def group_objects(self, group: GroupPlan) -> Sequence[JsonObject]:
        """None."""
        return ()
