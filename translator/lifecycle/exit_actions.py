"""What an exit code turns the end of a task into.

Source: workflow-spec.md §5.4. The wrapper inside a pod decides the same from the same table of cases
(`tests/data/exit_actions.json`).
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from translator.lifecycle.transitions import Ending
from translator.lifecycle.words import TaskStatus
from translator.plan.model import ExitAction, ExitRule, TaskPlan


def after_exit_action(task: TaskPlan, retry_id: int, reported: Ending) -> Ending:
    """The end of attempt `retry_id` as it counts: what was reported, changed by the task's exit action if one applies.

    Shape: `exit_code` stays the true one. Status RESCHEDULED asks for a new attempt.
    """
    code = reported.exit_code
    if code is None or reported.status in _WITHOUT_ACTIONS:
        return reported
    action = matching_action(task, code)
    if action is None or _STATUS[action] is reported.status:
        return reported
    if action is ExitAction.RESCHEDULE and retry_id >= task.max_retries:
        limit = f"No exit action applied due to retry limit {task.max_retries}."
        return msgspec.structs.replace(reported, message=_joined(reported.message, limit))
    text = f"Exit Action: {action.value} the task for exit code {code}."
    return Ending(status=_STATUS[action], message=_joined(reported.message, text), exit_code=code)


def matching_action(task: TaskPlan, exit_code: int) -> ExitAction | None:
    """The action for a code: of the task's own rules, else of the pool's; None where no range holds the code.

    Within one set of rules FAIL goes before COMPLETE before RESCHEDULE, whatever their order in the file.
    """
    return _first(task.exit_rules, exit_code) or _first(task.default_exit_rules, exit_code)


def _first(rules: Iterable[ExitRule], exit_code: int) -> ExitAction | None:
    matching = {rule.action for rule in rules if any(low <= exit_code <= high for low, high in rule.ranges)}
    return next((action for action in ExitAction if action in matching), None)


def _joined(message: str, addition: str) -> str:
    return f"{message} {addition}" if message else addition


# Ends that the service decided, not the task.
_WITHOUT_ACTIONS = frozenset(
    status
    for status in TaskStatus
    if status.canceled_family or status in (TaskStatus.FAILED_UPSTREAM, TaskStatus.FAILED_SERVER_ERROR)
)
_STATUS = {
    ExitAction.FAIL: TaskStatus.FAILED,
    ExitAction.COMPLETE: TaskStatus.COMPLETED,
    ExitAction.RESCHEDULE: TaskStatus.RESCHEDULED,
}
