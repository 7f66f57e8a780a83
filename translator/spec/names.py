"""Names of workflows, groups, tasks and containers: what is legal, what clashes, how long they may be.

Source: workflow-spec.md §2.2, §2.6, §4.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

NAME_PATTERN = r"^[a-zA-Z]([a-zA-Z0-9_-]*[a-zA-Z0-9])?$"
MAX_NAME_LENGTH = 64
MAX_CONTAINER_NAME_LENGTH = 63
RESERVED_CONTAINER_NAME = "osmo-ctrl"

_NAME = re.compile(NAME_PATTERN.removesuffix("$"))


def is_name(text: str) -> bool:
    """Whether `text` may name a workflow, group or task, length aside."""
    return _NAME.fullmatch(text) is not None


def normalised_name(name: str) -> str:
    """The form in which group and task names are compared: lower case, `_` as `-`."""
    return name.lower().replace("_", "-")


def container_name(task_name: str) -> str:
    """The name of a task's container: normalised and cut to 63 characters."""
    return normalised_name(task_name)[:MAX_CONTAINER_NAME_LENGTH]


def implicit_group_name(task_name: str) -> str:
    """The name of the group made for a stand-alone task."""
    return f"{task_name}-group"


def repeated_names(names: Iterable[str]) -> list[str]:
    """The names that clash with an earlier one after normalisation, in the order met."""
    names = list(names)
    keys = [normalised_name(name) for name in names]
    if len(set(keys)) == len(keys):
        return []
    seen: set[str] = set()
    repeated = []
    for key, name in zip(keys, names, strict=True):
        if key in seen:
            repeated.append(name)
        seen.add(key)
    return repeated


def repeated_name_message(names: Mapping[str, object] | Iterable[str]) -> str:
    """What to say about names that clash."""
    listed = ", ".join(dict.fromkeys(names))
    return (
        f"Multiple tasks/groups have the same name {listed}. Names of tasks and groups are compared in lower case "
        'with "_" as "-" and must be unique in a workflow.'
    )


def name_length_message(name: str, limit: int = MAX_NAME_LENGTH) -> str | None:
    """What to say about a name longer than `limit` characters; None where it fits."""
    if len(name) <= limit:
        return None
    return f"Name {name} is too long. It must be {limit} characters or less."
