"""What retention removes, in JSON."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field


class RetentionEntry(BaseModel):
    """One workflow. Units: bytes."""

    workflow_id: str
    pool: str | None
    end_time: datetime
    rule: str = Field(description="The name of the rule, else its place in the list.")
    data: bool = Field(description="Its intermediate data goes.")
    objects: int = Field(description="How many objects of intermediate data there are.")
    bytes: int
    logs: bool = Field(description="Its log goes.")
    log_bytes: int
    record: bool = Field(description="The workflow is forgotten.")
    problem: str = Field(description="Why something is kept all the same; empty where nothing is.")


class RetentionReport(BaseModel):
    """What is removed, or would be."""

    dry_run: bool
    workflows: list[RetentionEntry]
    more: bool = Field(description="There are more than were asked for.")
