"""Which effects a state still calls for.

Derived from the state alone: what was asked for before a crash and perhaps not done is asked for again. The same rules
tell which effects of one reduction later facts of it have overtaken.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from translator.lifecycle.effects import AnyEffect, CreateGroup, CreateTask, DeleteGroup, RestartInPlace, Seal
from translator.lifecycle.leads import restarts_siblings
from translator.lifecycle.plan_index import PlanIndex
from translator.lifecycle.state import GroupState, WorkflowState
from translator.lifecycle.words import TaskStatus
from translator.plan.model import GroupName, GroupPlan, TaskName


def outstanding(index: PlanIndex, state: WorkflowState) -> tuple[AnyEffect, ...]:
    """The effects to issue (again) when a process takes over a workflow, in the Plan's order.

    Shape: CreateGroup for a group that began and has a first attempt nobody has seen yet (a group that was seen
    whole is not created again: what vanished is a fact, not a reason to run it twice); RestartInPlace and CreateTask
    for a later attempt nobody has seen yet; DeleteGroup for an ended group that is not clean; Seal for a finished
    workflow that is clean (also if it was sealed before). Nothing is created any more in a group whose cancel is
    postponed. A workflow that was not accepted yet calls for nothing.
    """
    effects = [effect for group in index.plan.groups for effect in _of_group(state, group)]
    if _is_over(state):
        effects.append(Seal())
    return tuple(effects)


def still_wanted(index: PlanIndex, state: WorkflowState, effect: AnyEffect) -> bool:
    """Whether an effect that was asked for on the way to `state` still makes sense in it."""
    match effect:
        case CreateGroup(group=group):
            return _awaits_creation(state, index.groups[group])
        case CreateTask(task=task, retry_id=retry_id):
            return _awaits_attempt(state, task, retry_id)
        case RestartInPlace(tasks=tasks, because_of=task, retry_id=retry_id):
            # Wanted even if the new attempt was seen already: a runner may have started that one by itself.
            latest = state.attempts[task][-1]
            anyone_left = any(not state.attempts[other][-1].status.finished for other in tasks)
            return latest.retry_id == retry_id and anyone_left and _takes_work(state.groups[latest.group])
        case DeleteGroup(group=group, force=force):
            return force or _awaits_cleaning(state, group)
        case Seal():
            return _is_over(state)
        case _:
            assert_never(effect)


def _of_group(state: WorkflowState, group: GroupPlan) -> Iterator[AnyEffect]:
    if _awaits_cleaning(state, group.name):
        yield DeleteGroup(group=group.name, force=state.cancel_forced)
        return
    if _awaits_creation(state, group):
        yield CreateGroup(group=group.name)
    unfinished = [task.name for task in group.tasks if not state.attempts[task.name][-1].status.finished]
    for task in group.tasks:
        retry_id = state.attempts[task.name][-1].retry_id
        if not _awaits_attempt(state, task.name, retry_id):
            continue
        others = tuple(name for name in unfinished if name != task.name)
        if others and restarts_siblings(group, task):
            yield RestartInPlace(tasks=others, because_of=task.name, retry_id=retry_id)
        yield CreateTask(task=task.name, retry_id=retry_id)


def _awaits_creation(state: WorkflowState, group: GroupPlan) -> bool:
    known = state.groups[group.name]
    if known.remaining_upstream or not _takes_work(known):
        return False
    # Attempts of a group that did not begin are still WAITING.
    return any(
        latest.retry_id == 0 and latest.status is TaskStatus.PROCESSING
        for latest in (state.attempts[task.name][-1] for task in group.tasks)
    )


def _awaits_attempt(state: WorkflowState, task: TaskName, retry_id: int) -> bool:
    latest = state.attempts[task][-1]
    unseen = latest.retry_id == retry_id and retry_id > 0 and latest.status is TaskStatus.PROCESSING
    return unseen and _takes_work(state.groups[latest.group])


def _takes_work(group: GroupState) -> bool:
    return not group.status.group_finished and group.cancel_due is None


def _awaits_cleaning(state: WorkflowState, group: GroupName) -> bool:
    known = state.groups[group]
    return known.status.group_finished and not known.cleaned_up


def _is_over(state: WorkflowState) -> bool:
    return state.status.finished and all(group.cleaned_up for group in state.groups.values())
