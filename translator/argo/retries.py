"""RESCHEDULE in Argo's words.

The wrapper decides for codes of the program and the sidecar, and ends with 251; ends that leave no wrapper to decide
(eviction, a deleted pod, an image that cannot be pulled) are recognised by Argo itself, and only where the task's rules
want them retried. Source: workflow-spec.md §5.4; argo-verified.md §3, C7.
"""

from __future__ import annotations

from dataclasses import dataclass

from translator.argo.payload import EXIT_RESCHEDULE
from translator.plan.model import ExitAction, ExitRule, TaskPlan

_WRAPPER_ASKS = f"asInt(lastRetry.exitCode) == {EXIT_RESCHEDULE}"
_NO_EXIT_CODE = "lastRetry.exitCode == '-1'"
_OUT_OF_MEMORY = "lastRetry.message contains 'OOMKilled'"

EVICTED = 3004
WITHOUT_WRAPPER = (256, 301, 302, 304, 999, 3001, 3003, EVICTED, 3005, 3006, 4000)
"""Codes of ends that no wrapper lives to see (workflow-spec.md §5.6); 256 stands for the init container's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """An Argo retryStrategy. Units: `limit` is the number of attempts after the first."""

    limit: int
    expression: str


def retries(task: TaskPlan) -> Retries | None:
    """How Argo retries the task; None where no code can lead to a new attempt."""
    if task.max_retries <= 0 or not any(map(_reschedules, (*task.exit_rules, *task.default_exit_rules))):
        return None
    terms = [_WRAPPER_ASKS]
    wanted = [code for code in WITHOUT_WRAPPER if _action(task, code) is ExitAction.RESCHEDULE]
    if wanted:
        terms.append(_NO_EXIT_CODE)
    if EVICTED in wanted:
        terms.append(_OUT_OF_MEMORY)
    return Retries(limit=task.max_retries, expression=" || ".join(terms))


def _reschedules(rule: ExitRule) -> bool:
    return rule.action is ExitAction.RESCHEDULE and any(low <= high for low, high in rule.ranges)


def _action(task: TaskPlan, code: int) -> ExitAction | None:
    return _first(task.exit_rules, code) or _first(task.default_exit_rules, code)


def _first(rules: tuple[ExitRule, ...], code: int) -> ExitAction | None:
    matching = {rule.action for rule in rules if any(low <= code <= high for low, high in rule.ranges)}
    return next((action for action in ExitAction if action in matching), None)
