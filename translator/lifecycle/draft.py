"""A workflow's state while facts are applied to it.

The state that came in stays as it was: what is written goes to copies, made at the first write.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import msgspec

from translator.lifecycle.effects import AnyEffect
from translator.lifecycle.plan_index import PlanIndex
from translator.lifecycle.state import GroupState, TaskState, WorkflowState
from translator.plan.model import GroupName, TaskName


class Draft:
    """The state so far and the effects asked for so far.

    `ended` holds groups whose end their dependents have not heard of; `touched` those whose status or clean-up changed
    since the workflow's own status was last looked at.
    """

    def __init__(self, index: PlanIndex, state: WorkflowState) -> None:
        self.index = index
        self.ended: deque[GroupName] = deque()
        self.touched: list[GroupName] = []
        self._before = state
        self._workflow = state
        self._groups = state.groups
        self._attempts = state.attempts
        # A dict for its order: an effect that is asked for twice stands where it was asked for first.
        self._effects: dict[AnyEffect, None] = {}

    @property
    def workflow(self) -> WorkflowState:
        """The workflow's own fields; its groups and attempts may be outdated here, read them by the methods below."""
        return self._workflow

    @property
    def groups(self) -> Mapping[GroupName, GroupState]:
        """All groups, in the Plan's order."""
        return self._groups

    @property
    def all_attempts(self) -> Mapping[TaskName, tuple[TaskState, ...]]:
        """All attempts of all tasks."""
        return self._attempts

    @property
    def effects(self) -> tuple[AnyEffect, ...]:
        """What was asked for, each thing once, in the order of asking."""
        return tuple(self._effects)

    def group(self, name: GroupName) -> GroupState:
        """One group."""
        return self._groups[name]

    def latest(self, task: TaskName) -> TaskState:
        """The current attempt of a task."""
        return self._attempts[task][-1]

    def attempt(self, task: TaskName, retry_id: int) -> TaskState | None:
        """One attempt of a task; None where the workflow has no such task or attempt."""
        attempts = self._attempts.get(task, ())
        return attempts[retry_id] if 0 <= retry_id < len(attempts) else None

    def put_workflow(self, workflow: WorkflowState) -> None:
        """Take over the workflow's own fields."""
        self._workflow = workflow

    def put_group(self, group: GroupState) -> None:
        """Take over a group in place of the one with its name."""
        if self._groups is self._before.groups:
            self._groups = dict(self._groups)
        before = self._groups[group.name]
        self._groups[group.name] = group
        if before.status is not group.status or before.cleaned_up is not group.cleaned_up:
            self.touched.append(group.name)

    def put_attempt(self, attempt: TaskState) -> None:
        """Take over an attempt in place of the one with its retry_id, or as the next one."""
        if self._attempts is self._before.attempts:
            self._attempts = dict(self._attempts)
        attempts = self._attempts[attempt.name]
        self._attempts[attempt.name] = (*attempts[: attempt.retry_id], attempt, *attempts[attempt.retry_id + 1 :])

    def ask(self, effect: AnyEffect) -> None:
        """Ask for an effect."""
        self._effects.setdefault(effect)

    def state(self) -> WorkflowState:
        """The state as it is now; the very same object that came in where nothing was written."""
        same_parts = self._groups is self._before.groups and self._attempts is self._before.attempts
        if self._workflow is self._before and same_parts:
            return self._before
        return msgspec.structs.replace(self._workflow, groups=self._groups, attempts=self._attempts)
