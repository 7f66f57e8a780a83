"""Which timers start and end with a change of a workflow's state: what is written, and what rings next.

Only groups and tasks that changed are looked at, since a workflow may have thousands that did not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from gateway.ports.runs import Timer
from translator.lifecycle.state import WorkflowState
from translator.lifecycle.timers import Deadline, DeadlineKind, attempt_deadlines, group_deadlines
from translator.plan.model import Plan

TimerKey = tuple[str, str]
"""Kind and subject: a group, or a task for its start."""

_OF_GROUPS = tuple(kind.value for kind in DeadlineKind if kind is not DeadlineKind.START)


def running(timers: frozenset[Timer]) -> dict[TimerKey, datetime]:
    """Timers by what names them."""
    return {(timer.kind, timer.subject): timer.due for timer in timers}


def timer_changes(
    plan: Plan, before: WorkflowState | None, after: WorkflowState, standing: Mapping[TimerKey, datetime]
) -> tuple[tuple[Timer, ...], tuple[Timer, ...]]:
    """What no longer runs of the `standing` timers, and what runs now and did not; one that moves is both.

    Shape: `before` is the state that `standing` belongs to, None where that is not known; in the order of the Plan.
    """
    gone: list[Timer] = []
    new: list[Timer] = []
    for keys, deadlines in _looked_at(plan, before, after):
        wanted = {(deadline.kind.value, _subject(deadline)): deadline.due for deadline in deadlines}
        for key in keys:
            due, stands = wanted.get(key), standing.get(key)
            if due == stands:
                continue
            if stands is not None:
                gone.append(Timer(kind=key[0], subject=key[1], due=stands))
            if due is not None:
                new.append(Timer(kind=key[0], subject=key[1], due=due))
    return tuple(gone), tuple(new)


def _looked_at(
    plan: Plan, before: WorkflowState | None, after: WorkflowState
) -> Iterator[tuple[list[TimerKey], Iterator[Deadline]]]:
    if before is None or before.groups is not after.groups:
        for name, group in after.groups.items():
            if before is None or group is not before.groups[name]:
                yield [(kind, name) for kind in _OF_GROUPS], group_deadlines(plan, group)
    if before is None or before.attempts is not after.attempts:
        for task, tries in after.attempts.items():
            if before is None or tries is not before.attempts[task]:
                yield [(DeadlineKind.START.value, task)], attempt_deadlines(plan, tries[-1])


def _subject(deadline: Deadline) -> str:
    return deadline.task or deadline.group
