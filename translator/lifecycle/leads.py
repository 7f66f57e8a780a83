"""What the end of one task means for the other tasks of its group.

Source: workflow-spec.md §5.3 ("End of the lead task", "End of a non-lead task") and §5.4.
"""

from __future__ import annotations

from typing import Protocol

from translator.lifecycle.transitions import Ending
from translator.lifecycle.words import TaskStatus
from translator.plan.model import GroupPlan, TaskPlan


class Siblings(Protocol):
    """What the rules must know of a group; a coordinator inside the group knows no more."""

    @property
    def ignore_nonlead_status(self) -> bool:
        """Whether the others go on when a non-lead failed."""


class Sibling(Protocol):
    """What the rules must know of a task."""

    @property
    def lead(self) -> bool:
        """Whether its end ends the group."""


def siblings_end(group: GroupPlan, task: TaskPlan, status: TaskStatus) -> Ending | None:
    """How the unfinished siblings of `task` end when it ends with `status`; None where they go on.

    A sibling never takes over a special status: it ends COMPLETED or FAILED, without an exit code.
    """
    if status is TaskStatus.RESCHEDULED:
        return None
    if task.lead:
        inherited = TaskStatus.COMPLETED if status is TaskStatus.COMPLETED else TaskStatus.FAILED
        return Ending(status=inherited, message="Lead task finished")
    if status.failed and not group.ignore_nonlead_status:
        return Ending(status=TaskStatus.FAILED, message=f"Task {task.name} Failed.")
    return None


def restarts_siblings(group: Siblings, task: Sibling) -> bool:
    """Whether all other tasks restart in place, and the whole barrier starts anew, when `task` is rescheduled.

    A lead always restarts them; a non-lead only where its status is not ignored.
    """
    return task.lead or not group.ignore_nonlead_status
