"""What the receipt says of queues, gangs, priority and topology: it depends on the cluster's scheduler."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pools.backend import SchedulerType
from translator.argo.receipt_entry import ReceiptEntry, approximated, exact, kept
from translator.argo.target import ArgoTarget
from translator.plan.model import Plan, Priority

_POD = "Pod"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """What is said of one scheduler."""

    pool: ReceiptEntry
    priority: ReceiptEntry
    gang: ReceiptEntry
    topology: ReceiptEntry


def scheduling_entries(plan: Plan, target: ArgoTarget) -> Iterator[ReceiptEntry]:
    """The entries of what the Plan uses, in the order pool, priority, gang, topology."""
    words = _WORDS[target.scheduling.type]
    yield words.pool
    if not target.scheduling.supports_priority:
        yield kept("priority", "", "The backend has no priority classes; only NORMAL is taken.")
    elif plan.priority is not Priority.NORMAL or target.scheduling.type is not SchedulerType.DEFAULT:
        yield words.priority
    if any(len(group.tasks) > 1 for group in plan.groups):
        yield words.gang
    if any(task.resources.topology for group in plan.groups for task in group.tasks):
        yield words.topology


_TOPOLOGY = "workflow.resources.*.topology"
_GANG = "workflow.groups[].tasks"
_AFFINITY = f"{_POD} spec.affinity.podAffinity"
_AFFINITY_NOTE = (
    "Pods of one group with equal key and topology group attract each other; they are placed one by one, so a domain "
    "that fills up on the way leaves the rest pending."
)

_WORDS: Mapping[SchedulerType, _Words] = {
    SchedulerType.DEFAULT: _Words(
        pool=kept(
            "pool", "", "Kubernetes' own scheduler knows no queues: quotas of the pool are not enforced on the cluster."
        ),
        priority=approximated(
            "priority",
            f"{_POD} spec.priorityClassName",
            "The class decides who is placed first and who may be displaced; guarantees of pools are not known.",
        ),
        gang=approximated(
            _GANG,
            "",
            "Pods of a group are placed one by one; the barrier keeps commands from starting early, and the queue "
            "timeout ends a group that never becomes complete.",
        ),
        topology=approximated(_TOPOLOGY, _AFFINITY, _AFFINITY_NOTE),
    ),
    SchedulerType.KAI: _Words(
        pool=exact("pool", f"{_POD} metadata.labels[kai.scheduler/queue]", "The queue of the pool."),
        priority=exact(
            "priority",
            "PodGroup spec.priorityClassName, Pod spec.priorityClassName",
            "osmo-high, osmo-normal or osmo-low.",
        ),
        gang=exact(
            _GANG,
            "PodGroup spec.minMember",
            "All tasks of a group are placed together; needs a KAI that knows kai.scheduler/skip-podgrouper.",
        ),
        topology=exact(
            _TOPOLOGY,
            "PodGroup spec.subGroups[].topologyConstraint",
            "Subgroups nested from the coarse to the fine level; the Topology object has the name of the queue.",
        ),
    ),
    SchedulerType.KUEUE: _Words(
        pool=exact("pool", f"{_POD} metadata.labels[kueue.x-k8s.io/queue-name]", "The local queue of the pool."),
        priority=exact(
            "priority",
            f"{_POD} metadata.labels[kueue.x-k8s.io/priority-class]",
            "A WorkloadPriorityClass of that name.",
        ),
        gang=approximated(
            _GANG,
            f"{_POD} metadata.labels[kueue.x-k8s.io/pod-group-name]",
            "A group is admitted as a whole; after that its pods are placed one by one, and Kueue does not make "
            "displaced ones again.",
        ),
        topology=approximated(
            _TOPOLOGY,
            f"{_POD} metadata.annotations[kueue.x-k8s.io/podset-required-topology]",
            "The finest level of each task, for all tasks of the group with it together: names of topology groups are "
            "not told apart.",
        ),
    ),
    SchedulerType.VOLCANO: _Words(
        pool=exact("pool", f"{_POD} metadata.annotations[scheduling.volcano.sh/queue-name]", "The queue of the pool."),
        priority=exact(
            "priority",
            "PodGroup spec.priorityClassName, Pod spec.priorityClassName",
            "osmo-high, osmo-normal or osmo-low.",
        ),
        gang=exact(_GANG, "PodGroup spec.minMember", "All tasks of a group are placed together."),
        topology=approximated(_TOPOLOGY, _AFFINITY, _AFFINITY_NOTE),
    ),
}
