"""What must be done on the backend. Every effect is idempotent: asked for twice, it is done once."""

from __future__ import annotations

import msgspec

from translator.plan.model import GroupName, TaskName


class Effect(msgspec.Struct, frozen=True):
    """Base of all effects."""


class CreateGroup(Effect, frozen=True, kw_only=True, tag="create-group"):
    """Create all that the group needs and start attempt 0 of its tasks."""

    group: GroupName


class CreateTask(Effect, frozen=True, kw_only=True, tag="create-task"):
    """Remove what is left of the attempt before and start attempt `retry_id` of the task, from scratch."""

    task: TaskName
    retry_id: int


class RestartInPlace(Effect, frozen=True, kw_only=True, tag="restart-in-place"):
    """Kill the commands of these tasks and start them anew in their containers, through the barrier.

    `because_of` and its `retry_id` name the new attempt that caused it: asked for twice with the same pair, it is
    done once. Dropped for a task that still downloads, waits in the barrier or already uploads (§5.5).
    """

    tasks: tuple[TaskName, ...]
    because_of: TaskName
    retry_id: int


class DeleteGroup(Effect, frozen=True, kw_only=True, tag="delete-group"):
    """End whatever still runs of the group and remove its objects; `GroupCleaned` follows. force: grace 0."""

    group: GroupName
    force: bool = False


class Seal(Effect, frozen=True, kw_only=True, tag="seal"):
    """The workflow is finished and all groups are cleaned: its logs get no more lines."""


AnyEffect = CreateGroup | CreateTask | RestartInPlace | DeleteGroup | Seal
