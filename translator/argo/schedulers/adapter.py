"""What every adapter answers, and the values it answers with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from templates.merge import JsonObject
from translator.argo.names import dns_label
from translator.argo.target import ArgoTarget
from translator.plan.model import GroupPlan, Plan, Priority, TaskPlan

PRIORITY_CLASSES = {Priority.HIGH: "osmo-high", Priority.NORMAL: "osmo-normal", Priority.LOW: "osmo-low"}
"""Source: workflow-spec.md §7.6."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSettings:
    """What the scheduler wants on a pod; never changed once made.

    Shape: texts may hold marks of `slots.Slot`; `spec` is part of a pod's spec. `text` is all of it as JSON, by which
    two are compared.
    """

    labels: dict[str, str] = field(default_factory=dict, compare=False)
    annotations: dict[str, str] = field(default_factory=dict, compare=False)
    spec: JsonObject = field(default_factory=dict, compare=False)
    text: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Work out the text."""
        object.__setattr__(self, "text", msgspec.json.encode((self.labels, self.annotations, self.spec)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What adapters need beside the task at hand."""

    plan: Plan
    target: ArgoTarget

    @property
    def queue(self) -> str:
        """The queue of the run's pool. Source: workflow-spec.md §7.6."""
        return dns_label(f"osmo-pool-{self.target.namespace}-{self.plan.pool}")

    @property
    def priority_class(self) -> str:
        """The priority class of the run, "" where the cluster has none."""
        return PRIORITY_CLASSES[self.plan.priority] if self.target.scheduling.supports_priority else ""


class Scheduler(Protocol):
    """One kind of scheduler. All methods are pure; `pod_settings` gives equal pods the same object."""

    def pod_settings(self, group: GroupPlan, task: TaskPlan) -> PodSettings:
        """What a task's pod carries."""

    def group_objects(self, group: GroupPlan) -> Sequence[JsonObject]:
        """Objects that must exist before the group's pods: manifests without namespace, labels and owner."""


def priority_spec(scope: Scope, *, also_normal: bool) -> JsonObject:
    """The pod's priorityClassName; NORMAL names one only where asked, as a plain cluster may not have the classes."""
    name = scope.priority_class
    wanted = name and (also_normal or scope.plan.priority is not Priority.NORMAL)
    return {"priorityClassName": name} if wanted else {}


def scheduler_name(scope: Scope) -> JsonObject:
    """The pod's schedulerName where the backend names one."""
    name = scope.target.scheduling.name
    return {"schedulerName": name} if name else {}
