"""KAI: a PodGroup of ours for every group of several tasks, or with topology; its pods say that it is not to be redone.

A single task without topology is left to KAI's own grouping, which makes a PodGroup of one from the queue label and
the priority class. Needs a KAI that knows `skip-podgrouper` (after 0.14).
Source: argo.md §3.1; platform.md §1.4; KAI docs, "External PodGroups" and the PodGroup's admission rules: a subgroup
that has subgroups names `minSubGroup`, the innermost ones `minMember`.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from templates.merge import Json, JsonObject
from translator.argo.names import dns_label
from translator.argo.schedulers.adapter import PodSettings, Scope, priority_spec, scheduler_name
from translator.argo.slots import Slot
from translator.plan.model import GroupPlan, TaskPlan, Topology

API_VERSION = "scheduling.run.ai/v2alpha2"
QUEUE_LABELS = ("kai.scheduler/queue", "runai/queue")
SUBGROUP_LABEL = "kai.scheduler/subgroup-name"
POD_GROUP_ANNOTATION = "pod-group-name"
SKIP_ANNOTATION = "kai.scheduler/skip-podgrouper"
_WITHOUT_TOPOLOGY = "no-topology"


class KaiScheduler:
    """The adapter of `kai`."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._spec: JsonObject = {**scheduler_name(scope), **priority_spec(scope, also_normal=True)}
        self._queue_labels = dict.fromkeys(QUEUE_LABELS, scope.queue)
        self._made: dict[Hashable, PodSettings] = {}

    def pod_settings(self, group: GroupPlan, task: TaskPlan) -> PodSettings:
        """Queue, priority, and where it belongs to a PodGroup its name and the subgroup."""
        grouped = _is_grouped(group)
        subgroup = _subgroup_of(task.resources.topology) if grouped and _has_topology(group) else ""
        key = (grouped, subgroup)
        made = self._made.get(key)
        if made is None:
            labels = {**self._queue_labels, **({SUBGROUP_LABEL: subgroup} if subgroup else {})}
            annotations = {POD_GROUP_ANNOTATION: Slot.GROUP_UUID.mark, SKIP_ANNOTATION: "true"} if grouped else {}
            made = self._made[key] = PodSettings(labels=labels, annotations=annotations, spec=self._spec)
        return made

    def group_objects(self, group: GroupPlan) -> Sequence[JsonObject]:
        """The PodGroup, named by the group's uuid, where there is one."""
        if not _is_grouped(group):
            return ()
        spec: JsonObject = {"minMember": len(group.tasks), "queue": self._scope.queue}
        if self._scope.priority_class:
            spec["priorityClassName"] = self._scope.priority_class
        if _has_topology(group):
            spec["subGroups"] = _subgroups(group, self._scope.queue)
        return ({"apiVersion": API_VERSION, "kind": "PodGroup", "metadata": {"name": group.uuid}, "spec": spec},)


def _is_grouped(group: GroupPlan) -> bool:
    return len(group.tasks) > 1 or _has_topology(group)


def _has_topology(group: GroupPlan) -> bool:
    return any(task.resources.topology for task in group.tasks)


def _subgroup_of(topology: tuple[Topology, ...]) -> str:
    """The innermost subgroup of a task: the names of its levels, coarse to fine, joined."""
    return _name(topology) if topology else _WITHOUT_TOPOLOGY


def _name(levels: Sequence[Topology]) -> str:
    return dns_label("--".join(f"{level.key}-{level.group}" for level in levels))


def _subgroups(group: GroupPlan, topology_name: str) -> list[Json]:
    """All subgroups, each after its parent, in the order in which tasks name them.

    The cluster's Topology object has the name of the pool's queue.
    """
    members: dict[str, int] = {}
    children: dict[str, set[str]] = {}
    made: dict[str, JsonObject] = {}
    for task in group.tasks:
        levels = task.resources.topology
        innermost = _subgroup_of(levels)
        members[innermost] = members.get(innermost, 0) + 1
        made.setdefault(innermost, {"name": innermost}) if not levels else None
        for depth in range(1, len(levels) + 1):
            name = _name(levels[:depth])
            if name not in made:
                made[name] = _subgroup(name, levels[depth - 1], topology_name)
                if depth > 1:
                    made[name]["parent"] = _name(levels[: depth - 1])
            if depth > 1:
                children.setdefault(_name(levels[: depth - 1]), set()).add(name)
    for name, subgroup in made.items():
        if name in children:
            subgroup["minSubGroup"] = len(children[name])
        else:
            subgroup["minMember"] = members[name]
    return list(made.values())


def _subgroup(name: str, level: Topology, topology_name: str) -> JsonObject:
    wish = "requiredTopologyLevel" if level.required else "preferredTopologyLevel"
    return {"name": name, "topologyConstraint": {"topology": topology_name, wish: level.label or level.key}}
