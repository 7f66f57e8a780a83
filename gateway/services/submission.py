"""What submit and restart share: the values of one submission on its way, and how it is refused."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.ports.records import AppRef, Parent
from gateway.services.identity import Caller
from pools.model import Config
from translator.plan.context import PlanContext
from translator.plan.model import Priority
from translator.problems import SpecError
from translator.spec.jinja_text import literal_template
from translator.spec.values import NO_VALUES, Values


class SubmissionRefused(Exception):
    """A spec was refused. Shape: `workflow_id` is the name in the spec, None where it was not understood so far."""

    def __init__(self, error: SpecError, *, workflow_id: str | None) -> None:
        self.error = error
        self.workflow_id = workflow_id
        super().__init__(error.message)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKey:
    """What makes a repeated request known. Shape: `digest` is a hash of everything that was asked for."""

    text: str
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One spec that wants to become a workflow.

    Shape: `is_rendered` is true of a stored spec, in which Jinja's signs are text; `template` is the text as the user
    wrote it, where `source` is not that; `validation_only` leaves no trace; `warnings` were known before the spec was.
    """

    source: bytes
    caller: Caller
    pool: str
    config: Config
    is_rendered: bool = False
    values: Values = NO_VALUES
    priority: Priority = Priority.NORMAL
    template: str | None = None
    parent: Parent | None = None
    app: AppRef | None = None
    key: IdempotencyKey | None = None
    validation_only: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def as_template(self) -> bytes:
        """The source as a file that is to be rendered."""
        if not self.is_rendered:
            return self.source
        return literal_template(self.source.decode("utf-8", "replace")).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contexts:
    """What a spec is judged against, and what it is resolved against; they differ for a restart only."""

    judged: PlanContext
    resolved: PlanContext
    limited: bool = field(default=True)
    """Whether the user's limits apply."""
