"""The port to a backend: what carries out effects and reports facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from engine.ports import Run, Sink
from translator.lifecycle.effects import AnyEffect
from translator.lifecycle.facts import AnyFact
from translator.lifecycle.state import WorkflowState
from translator.plan.model import WorkflowUuid


class Reports(Sink, Protocol):
    """Where the runner of a backend puts what it sees of all its workflows."""

    def facts_of_many(self, facts: Mapping[WorkflowUuid, Sequence[AnyFact]]) -> None:
        """Take facts of several workflows, of each in order; what comes together is saved together."""


class Runner(Protocol):
    """One backend: carries out effects and reports facts.

    Contract: `start` once, before anything else. `admit` makes a workflow known and may be repeated; `apply` needs an
    admitted workflow, is asynchronous, and doing an effect twice does no more than doing it once; effects of one
    workflow are carried out in the order given. `recover` is called once per unfinished workflow after a start, before
    `apply`: the runner compares `state` with what really exists and reports what the gateway missed (an attempt that
    is no longer there is reported as FAILED_BACKEND_ERROR, 3001). `forget` frees what `admit` holds. `stop` ends local
    work (TERM, grace, KILL), reports it, and leaves no process; it returns when all of that is done.
    """

    def start(self, sink: Reports) -> None:
        """Begin to work and to report."""

    def admit(self, run: Run) -> None:
        """Make a workflow known."""

    def apply(self, run: Run, effects: Sequence[AnyEffect]) -> None:
        """Carry out effects, in order, without waiting for them."""

    def recover(self, run: Run, state: WorkflowState) -> None:
        """Take up an unfinished workflow after a restart of the gateway."""

    def forget(self, run: Run) -> None:
        """Drop what is held of a sealed workflow."""

    def stop(self) -> None:
        """End local work and report it."""
