"""What the dummy runner plays for an attempt of a task: written in a test, or in the task's own environment.

| key of a mapping | variable | meaning |
|---|---|---|
| `log` | `DUMMY_LOG` | lines that it writes while it runs; in the variable one a line |
| `exit` | `DUMMY_EXIT_CODE` | its exit code, default 0 |
| `status` | `DUMMY_STATUS` | its last status word, default by its exit code; an infrastructure word has its own code |
| `message` | `DUMMY_MESSAGE` | the message that comes with its end |
| `seconds` | `DUMMY_SECONDS` | how long it runs, on the clock of the mirror |
| `stays` | `DUMMY_STAYS` | the status that it reaches and never leaves (`SCHEDULING`) |
| `until: deleted` | `DUMMY_UNTIL` | it runs until its group is deleted |
| `after` | `DUMMY_AFTER` | it ends only after these: `<task> RUNNING` has started, any other word: has ended for good |
| `creation_error` | `DUMMY_CREATION_ERROR` | it cannot be created, with this message |

`exit`, `status` and `log` differ by attempt: in a test a list of mappings, in the first two variables values separated
by commas. The last one is played for all further attempts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from translator.lifecycle.words import ExitCode, TaskStatus
from translator.plan.model import TaskPlan

_INFRASTRUCTURE = {
    TaskStatus.FAILED_PREEMPTED: ExitCode.PREEMPTED,
    TaskStatus.FAILED_EVICTED: ExitCode.EVICTED,
    TaskStatus.FAILED_IMAGE_PULL: ExitCode.IMAGE_PULL_BACKOFF,
    TaskStatus.FAILED_BACKEND_ERROR: ExitCode.BACKEND_ERROR,
    TaskStatus.FAILED_START_ERROR: ExitCode.START_ERROR,
    TaskStatus.FAILED_START_TIMEOUT: ExitCode.START_TIMEOUT,
}
# The way of an attempt, as far as it stays alive.
WAY = (TaskStatus.SCHEDULING, TaskStatus.INITIALIZING, TaskStatus.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """Something that must have happened: the task runs (`ended` false), or ended for good."""

    task: str
    ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One attempt. Units: seconds on the mirror's clock."""

    log: tuple[str, ...] = ()
    exit_code: int = 0
    status: TaskStatus = TaskStatus.COMPLETED
    message: str = ""
    seconds: float = 0.0
    stays: TaskStatus | None = None
    until_deleted: bool = False
    after: tuple[After, ...] = ()
    creation_error: str = ""

    @property
    def way(self) -> tuple[TaskStatus, ...]:
        """The unfinished words that it goes through. An image that cannot be pulled never runs."""
        if self.stays is not None:
            return WAY[: WAY.index(self.stays) + 1]
        return WAY[:-1] if self.status in _NEVER_RUN else WAY


Scripts = Mapping[str, Sequence[Script]]


def scripts_from(document: Mapping[str, Sequence[Mapping[str, Any]]]) -> Scripts:
    """Scripts per task, one per attempt. Errors: KeyError or ValueError where a key or word is not known."""
    return {task: tuple(_script(attempt) for attempt in attempts) for task, attempts in document.items()}


def scripts_of_environment(task: TaskPlan) -> Sequence[Script]:
    """The scripts that a task's own environment asks for; one that succeeds at once where it asks for nothing."""
    given = {name: task.environment[f"DUMMY_{variable}"] for name, variable in _VARIABLES if _is_set(task, variable)}
    exits = _parts(given.pop("exit", ""))
    statuses = _parts(given.pop("status", ""))
    common: dict[str, Any] = dict(given)
    if "log" in common:
        common["log"] = given["log"].split("\n")
    if "after" in common:
        common["after"] = _parts(given["after"])
    attempts = max(len(exits), len(statuses), 1)
    return tuple(
        _script(
            common
            | ({"exit": exits[min(number, len(exits) - 1)]} if exits else {})
            | ({"status": statuses[min(number, len(statuses) - 1)]} if statuses else {})
        )
        for number in range(attempts)
    )


_NEVER_RUN = frozenset({TaskStatus.FAILED_IMAGE_PULL, TaskStatus.FAILED_START_ERROR, TaskStatus.FAILED_START_TIMEOUT})
_VARIABLES = (
    ("log", "LOG"),
    ("exit", "EXIT_CODE"),
    ("status", "STATUS"),
    ("message", "MESSAGE"),
    ("seconds", "SECONDS"),
    ("stays", "STAYS"),
    ("until", "UNTIL"),
    ("after", "AFTER"),
    ("creation_error", "CREATION_ERROR"),
)


def _is_set(task: TaskPlan, variable: str) -> bool:
    return task.environment.get(f"DUMMY_{variable}", "") != ""


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _script(given: Mapping[str, Any]) -> Script:
    if unknown := given.keys() - {name for name, _ in _VARIABLES}:
        raise KeyError(f"unknown keys in a dummy script: {sorted(unknown)}")
    status = TaskStatus(given["status"]) if "status" in given else None
    exit_code = int(given.get("exit", _INFRASTRUCTURE.get(status, 0) if status else 0))
    if given.get("until", "deleted") != "deleted":
        raise ValueError(f"until: expected 'deleted', found {given['until']!r}")
    return Script(
        log=tuple(given.get("log", ())),
        exit_code=exit_code,
        status=status or (TaskStatus.COMPLETED if exit_code == 0 else TaskStatus.FAILED),
        message=given.get("message", ""),
        seconds=float(given.get("seconds", 0)),
        stays=TaskStatus(given["stays"]) if "stays" in given else None,
        until_deleted="until" in given,
        after=tuple(_after(text) for text in given.get("after", ())),
        creation_error=given.get("creation_error", ""),
    )


def _after(text: str) -> After:
    task, word = text.split()
    return After(task=task, ended=TaskStatus(word) is not TaskStatus.RUNNING)
