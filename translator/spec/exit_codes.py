"""`exitActions`: which exit codes become COMPLETE, FAIL or RESCHEDULE.

Source: workflow-spec.md §2.10, §5.4; order of evaluation: §10.8.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic_core import PydanticCustomError

from translator.spec.faults import fault, faults_at

_CODES = re.compile(r"[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*")
# Python refuses to read integers of more than 4,300 digits; no list of codes is near that.
_MAX_CODES_LENGTH = 4000
# Above every exit code there is; keeps the ranges inside the integers of all later formats.
_MAX_CODE = 2**31 - 1


class ExitActionName(StrEnum):
    """The actions. The order of the members is the order of evaluation, whatever the order in the file."""

    FAIL = "FAIL"
    COMPLETE = "COMPLETE"
    RESCHEDULE = "RESCHEDULE"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitActionRule:
    """The codes of one action.

    Shape: `codes` as written; `ranges` inclusive (low, high) pairs, one with low > high never matches.
    """

    action: ExitActionName
    codes: str
    ranges: tuple[tuple[int, int], ...]

    def matches(self, exit_code: int) -> bool:
        """Whether `exit_code` is one of the rule's."""
        return any(low <= exit_code <= high for low, high in self.ranges)


ExitActionTable = tuple[ExitActionRule, ...]


def exit_action_table(value: object, task: str) -> ExitActionTable:
    """The rules of an `exitActions:` map, in order of evaluation; `task` names the task in messages.

    Errors: `bad-exit-action`, `bad-exit-codes`, all of them at their keys.
    """
    if not isinstance(value, Mapping):
        raise fault("bad-exit-action", f"exitActions of task {task} must be a map of action to exit codes.")
    rules: dict[ExitActionName, ExitActionRule] = {}
    found: list[tuple[tuple[str | int, ...], PydanticCustomError, object]] = []
    for key, codes in value.items():
        action = _action(key)
        if action is None:
            message = f"Invalid exit action {key} for task {task}. Valid actions are COMPLETE, FAIL and RESCHEDULE."
            found.append(((_place(key),), fault("bad-exit-action", message), codes))
        elif (rule := _rule(action, codes)) is None:
            message = f"Invalid exit codes {codes} for action {key} for task {task}."
            found.append(((_place(key),), fault("bad-exit-codes", message), codes))
        else:
            rules[action] = rule
    if found:
        raise faults_at("exitActions", found)
    return tuple(rules[action] for action in ExitActionName if action in rules)


def matching_action(table: ExitActionTable, exit_code: int) -> ExitActionName | None:
    """The action of the first rule that holds `exit_code`."""
    return next((rule.action for rule in table if rule.matches(exit_code)), None)


def _action(key: object) -> ExitActionName | None:
    name = str(key).upper()
    return ExitActionName(name) if name in ExitActionName.__members__ else None


def _rule(action: ExitActionName, codes: object) -> ExitActionRule | None:
    text = str(codes) if isinstance(codes, int | float | str) else ""
    if len(text) > _MAX_CODES_LENGTH or not _CODES.fullmatch(text):
        return None
    return ExitActionRule(action=action, codes=text, ranges=tuple(map(_range, text.split(","))))


def _range(text: str) -> tuple[int, int]:
    low, dash, high = text.partition("-")
    return min(int(low), _MAX_CODE), min(int(high if dash else low), _MAX_CODE)


def _place(key: object) -> str | int:
    return key if isinstance(key, str | int) else str(key)
