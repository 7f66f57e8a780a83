"""A Plan with the look-ups that the reducer needs, built once per workflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from translator.plan.model import GroupName, GroupPlan, Plan, TaskName, TaskPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanIndex:
    """Groups and tasks by name.

    Shape: `downstream` has every group as key, its dependents in the Plan's order; it is derived from the groups'
    `upstream`, so both directions always agree.
    """

    plan: Plan
    groups: Mapping[GroupName, GroupPlan]
    tasks: Mapping[TaskName, TaskPlan]
    group_of: Mapping[TaskName, GroupPlan]
    downstream: Mapping[GroupName, tuple[GroupName, ...]]

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """The index of a Plan. Errors: KeyError where a group names an upstream group that the Plan does not have."""
        dependents: dict[GroupName, list[GroupName]] = {group.name: [] for group in plan.groups}
        for group in plan.groups:
            for upstream in group.upstream:
                dependents[upstream].append(group.name)
        return cls(
            plan=plan,
            groups={group.name: group for group in plan.groups},
            tasks={task.name: task for group in plan.groups for task in group.tasks},
            group_of={task.name: group for group in plan.groups for task in group.tasks},
            downstream={name: tuple(names) for name, names in dependents.items()},
        )
