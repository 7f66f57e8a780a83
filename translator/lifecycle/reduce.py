"""The one state machine: facts in, state and effects out. Pure and idempotent.

What may be relied on (proven in tests/property/test_lifecycle_laws.py):
* A fact that was applied before changes nothing when it comes again, early facts aside; only a forced cancel asks
  again for clean-up. A history may be replayed whole or in part.
* Applying facts together or one by one leads to the same state; together, effects that a later fact overtook are not
  asked for.
* Without cancel and Tick, facts about different groups commute: every order that keeps the order within each group
  leads to the same statuses, exit codes and messages. Where every group has ignoreNonleadStatus, no non-lead was
  preempted and every group could be created, the order within each task suffices for the statuses of groups and
  workflow.
* Every effect of a reduction is also in `outstanding` of the state it led to (a forced clean-up of clean groups aside).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

import msgspec

from translator.lifecycle import attempts, cancel, groups, timers
from translator.lifecycle.draft import Draft
from translator.lifecycle.effects import AnyEffect
from translator.lifecycle.facts import (
    Accepted,
    AnyFact,
    CancelRequested,
    DataObserved,
    GroupCleaned,
    GroupCreationFailed,
    TaskCreationFailed,
    TaskObserved,
    Tick,
)
from translator.lifecycle.outstanding import outstanding, still_wanted
from translator.lifecycle.plan_index import PlanIndex
from translator.lifecycle.state import GroupState, TaskState, WorkflowState
from translator.lifecycle.transitions import Ending
from translator.lifecycle.upstream import settle
from translator.lifecycle.words import ExitCode, TaskStatus
from translator.plan.model import Plan

__all__ = ["Change", "PlanIndex", "initial_state", "outstanding", "reduce"]


class Change(msgspec.Struct, frozen=True):
    """What facts led to. `state` is the very object that was given where nothing changed; `effects` in order."""

    state: WorkflowState
    effects: tuple[AnyEffect, ...]


def initial_state(plan: Plan, submit_time: datetime) -> WorkflowState:
    """The state of a workflow that was written down and not yet accepted."""
    return WorkflowState(
        submit_time=submit_time,
        groups={
            group.name: GroupState(name=group.name, remaining_upstream=frozenset(group.upstream))
            for group in plan.groups
        },
        attempts={
            task.name: (TaskState(name=task.name, group=group.name),) for group in plan.groups for task in group.tasks
        },
    )


def reduce(plan_index: PlanIndex, state: WorkflowState, facts: Sequence[AnyFact]) -> Change:
    """The state after the facts, applied in their order, and what must be done because of them.

    A fact about a group or task that the workflow does not have changes nothing.
    """
    draft = Draft(plan_index, state)
    for fact in facts:
        _apply(draft, fact)
    after = draft.state()
    wanted = tuple(effect for effect in draft.effects if still_wanted(plan_index, after, effect))
    return Change(after, wanted)


def _apply(draft: Draft, fact: AnyFact) -> None:
    match fact:
        case Accepted():
            groups.accept(draft, fact.at)
        case TaskObserved():
            attempts.observe(draft, fact)
        case DataObserved():
            attempts.observe_data(draft, fact)
            return
        case CancelRequested():
            cancel.request(draft, fact)
        case GroupCreationFailed():
            _fail_creation(draft, fact)
        case TaskCreationFailed():
            attempts.creation_failed(draft, fact)
        case GroupCleaned():
            groups.mark_cleaned(draft, fact.group)
        case Tick():
            timers.expire(draft, fact.at)
        case _:
            assert_never(fact)
    settle(draft, fact.at)


def _fail_creation(draft: Draft, fact: GroupCreationFailed) -> None:
    if fact.group not in draft.groups:
        return
    # Part of it may exist, so it is cleaned like one that ran.
    groups.mark_begun(draft, fact.group, fact.at)
    message = f"CreateGroup job failed: {fact.message}"
    ending = Ending(status=TaskStatus.FAILED_SERVER_ERROR, message=message, exit_code=ExitCode.SERVER_ERROR)
    groups.end(draft, fact.group, ending, fact.at)
