"""What the engine needs from the process it runs in, and what that process hands it.

The engine owns processes and directories; it knows no database. It reports facts and log lines and carries out
effects; `translator.lifecycle` decides what they mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from storage.credentials import DataCredential
from translator.lifecycle.facts import AnyFact
from translator.plan.model import Plan, TaskName, WorkflowUuid


class Secret:
    """A value that cannot be printed; `reveal` is the only way to it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('[MASKED]')"

    __str__ = __repr__


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryLogin:
    """A login to an image registry. Shape: `scope` is `host[:port][/path]`."""

    scope: str
    username: str
    password: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A workflow as a runner gets it: the Plan, and beside it the secret values it refers to.

    Shape: credentials[name][key] is the value of one key of a generic credential of the owner; `data_keys` are his
    credentials for object stores, by profile (`s3://bucket`); `registries` his logins, the narrowest scope first.
    """

    plan: Plan
    credentials: Mapping[str, Mapping[str, Secret]] = field(default_factory=dict)
    data_keys: Mapping[str, DataCredential] = field(default_factory=dict, repr=False)
    registries: tuple[RegistryLogin, ...] = ()

    def secret_texts(self) -> Iterator[str]:
        """Every value that must not be read in its log."""
        for values in self.credentials.values():
            for secret in values.values():
                yield secret.reveal()
        for key in self.data_keys.values():
            if key.access_key:
                yield key.access_key
        for login in self.registries:
            yield login.password.reveal()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line of a task. `at` is naive UTC; `system` marks lines of ours (transfers, barrier), not the program's."""

    at: datetime
    task: TaskName
    retry_id: int
    text: str
    system: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLine:
    """One event of a task, in the manner of Kubernetes: `reason` is CamelCase (`Scheduled`, `Started`, `Killing`)."""

    at: datetime
    task: TaskName
    retry_id: int
    reason: str
    message: str


class Sink(Protocol):
    """Where a runner puts what it sees. All methods may be called from any thread, and do not block for long.

    Order: lines of one attempt come in the order in which they were read, and all of them before the fact of the
    attempt's end. `lines` returns when the lines are handed to the operating system, so that a killed process leaves
    a prefix.
    """

    def facts(self, workflow: WorkflowUuid, facts: Sequence[AnyFact]) -> None:
        """Take facts in order."""

    def lines(self, workflow: WorkflowUuid, lines: Sequence[LogLine]) -> None:
        """Take log lines, secrets already masked."""

    def events(self, workflow: WorkflowUuid, events: Sequence[EventLine]) -> None:
        """Take events."""
