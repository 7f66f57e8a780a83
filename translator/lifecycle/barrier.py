"""Who may start its command: the barrier of a group, as a decision over announcements.

Every task announces itself when its inputs are there, and keeps announcing until it is released. Who keeps the set of
announcements (the engine, the group's coordinator) asks `released` whenever an announcement comes or a task ends; the
entries stay after a release, so a task that is created anew alone passes at once.
Source: workflow-spec.md §5.5 and §5.4 ("barrier entries cleared").
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Protocol

from translator.lifecycle.leads import restarts_siblings
from translator.plan.model import GroupPlan, TaskName


class Gathering(Protocol):
    """What the barrier must know of a group."""

    @property
    def barrier(self) -> bool:
        """Whether its tasks wait for each other."""


def released(
    group: Gathering, announced: AbstractSet[TaskName], unfinished: AbstractSet[TaskName]
) -> frozenset[TaskName]:
    """The tasks that may run their command now; those released before are among them and take no notice.

    Shape: `announced` holds tasks whose current attempt announced itself, `unfinished` those whose latest attempt
    has not ended. A task that ended does not count, announced or not: failing before the barrier blocks nobody.
    """
    waiting = frozenset(announced & unfinished)
    everyone_is_there = len(waiting) >= len(unfinished)
    return waiting if everyone_is_there or not group.barrier else frozenset()


def entries_after_reschedule(group: GroupPlan, announced: AbstractSet[TaskName], task: TaskName) -> frozenset[TaskName]:
    """The announcements that still count when `task` begins a new attempt.

    All are cleared where its siblings restart in place (they announce themselves again), else only its own.
    """
    rescheduled = next(member for member in group.tasks if member.name == task)
    return frozenset() if restarts_siblings(group, rescheduled) else frozenset(announced - {task})
