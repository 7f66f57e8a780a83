"""Places in a template that differ from task to task.

While a pod is put together they are marks of private characters, which no escaping touches and no user text may hold.
In the end a mark becomes an Argo parameter, or the value itself where all tasks of the template agree on it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum

OPEN = "\ue000"
CLOSE = "\ue001"
_MARK = re.compile(f"{OPEN}([a-z-]+){CLOSE}")


class Slot(StrEnum):
    """What may differ. Shape: `key` begins the task's keys in Secret `<workflow>-run-<secret>`; names are values of
    labels.
    """

    WORKFLOW = "workflow"
    SECRET = "secret"
    KEY = "key"
    IMAGE = "image"
    GROUP = "group"
    GROUP_UUID = "group-uuid"
    TASK = "task"
    TASK_UUID = "task-uuid"
    LEAD = "lead"
    PATCH = "patch"
    ATTEMPT = "attempt"

    # Slots are keys of a small map for every task; an enum's own hash is Python code.
    __hash__ = str.__hash__

    @property
    def mark(self) -> str:
        """What stands for it in a pod that is being put together."""
        return f"{OPEN}{self.value}{CLOSE}"

    @property
    def reference(self) -> str:
        """What stands for it in an Argo template."""
        return _ARGO_VARIABLES.get(self, f"{{{{inputs.parameters.{self.value}}}}}")

    @property
    def is_parameter(self) -> bool:
        """Whether a task must hand it to its template; the others Argo knows itself."""
        return self not in _ARGO_VARIABLES


_ARGO_VARIABLES = {Slot.WORKFLOW: "{{workflow.name}}", Slot.ATTEMPT: "{{retries}}"}


def filled(text: str, value_of: Callable[[Slot], str]) -> str:
    """`text` with every mark replaced by its value."""
    return _MARK.sub(lambda match: value_of(Slot(match[1])), text) if OPEN in text else text


def slots_in(text: str) -> frozenset[Slot]:
    """The slots that `text` uses."""
    return frozenset(Slot(name) for name in _MARK.findall(text))


def holds_marks(text: str) -> bool:
    """Whether `text` holds one of the characters of marks, which text from outside must not."""
    return OPEN in text or CLOSE in text


def references(constants: Mapping[Slot, str]) -> Callable[[Slot], str]:
    """For `filled`: a slot's constant, else its Argo reference."""
    return lambda slot: constants.get(slot, slot.reference)
