"""The port to the mirror: how use cases tell it that there is work, and hear that something changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engine.ports import Run
from gateway.ports.records import NewWorkflow
from gateway.ports.store import Reads
from translator.lifecycle.state import WorkflowState
from translator.plan.model import Plan, WorkflowUuid


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """How a new workflow begins: its first state, and what it needs to run.

    Shape: `instance` names the process that is to run it; where it is None there is no `run`, and whoever finds the
    workflow accepts it.
    """

    state: WorkflowState
    instance: str | None = None
    run: Run | None = None


class Subscription(Protocol):
    """Hears which workflows changed. Use as a context manager, or close it."""

    def __enter__(self) -> Subscription:
        """Itself."""

    def __exit__(self, *exc: object) -> None:
        """Close."""

    def wait(self, timeout_seconds: float) -> frozenset[WorkflowUuid]:
        """The workflows that changed since the last call, as soon as there is one; empty when the time ran out.

        Changes of one workflow that come quickly are told once.
        """

    @property
    def closed(self) -> bool:
        """Whether nothing will come any more: closed, or the mirror has stopped."""

    def close(self) -> None:
        """Hear nothing more; `wait` returns. Safe to repeat."""


class MirrorPort(Protocol):
    """The one place that knows unfinished workflows."""

    def beginning(self, reads: Reads, plan: Plan, at: datetime) -> Beginning:
        """How a workflow that is submitted at `at` (naive UTC) is to be inserted by the session that asks."""

    def attend_new(self, new: NewWorkflow, run: Run | None) -> None:
        """Look after a workflow that was inserted with what `beginning` said.

        As `attend`, but what is known already need not be read.
        """

    def attend(self, uuid: WorkflowUuid) -> None:
        """Look at the rows of this workflow: it is new, or somebody wants it to end.

        Call it after the commit that inserted the workflow or the cancel request. Returns at once. If it is never
        called (the process died in between) the mirror finds the rows by itself.
        """

    def subscribe(self, uuid: WorkflowUuid | None = None) -> Subscription:
        """Hear of changes of one workflow, or of all. Rows are committed before a change is told."""

    def listen(self, wake: Callable[[WorkflowUuid], None], uuid: WorkflowUuid | None = None) -> Callable[[], None]:
        """The same by a quick call from the mirror's thread, for event loops. Returns what ends it."""
