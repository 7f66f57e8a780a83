"""Questions and changes about what is left of workflows that ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from translator.plan.model import WorkflowUuid


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedWorkflow:
    """A sealed workflow. Shape: `data_removed` and `logs_removed` say what was removed already."""

    uuid: WorkflowUuid
    workflow_id: str
    pool: str | None
    backend: str | None
    labels: Mapping[str, str]
    end_time: datetime
    data_removed: bool
    logs_removed: bool


class RetentionReads(Protocol):
    """Questions."""

    def ended_workflows(
        self, before: datetime, after: tuple[datetime, str], limit: int, *, removed_too: bool
    ) -> tuple[EndedWorkflow, ...]:
        """Sealed workflows that ended before a time, by end and uuid, behind the pair `after`.

        Those of which both data and logs are removed only if they are asked for.
        """

    def unfinished_workflows(self) -> tuple[WorkflowUuid, ...]:
        """Workflows that have not ended."""


class RetentionWrites(RetentionReads, Protocol):
    """Changes."""

    def note_data_removed(self, uuid: WorkflowUuid, at: datetime) -> None:
        """Remember that the intermediate data of a workflow is gone. Safe to repeat."""

    def note_logs_removed(self, uuid: WorkflowUuid, at: datetime) -> None:
        """Remember that the log of a workflow is gone, and drop its index. Safe to repeat."""
