"""How long workflows and tasks waited and ran. Units: seconds."""

from __future__ import annotations

from datetime import datetime

from gateway.ports.records import WorkflowRecord


def queued_seconds(record: WorkflowRecord, now: datetime) -> float:
    """From submission to the start, else to the end, else to now."""
    until = record.start_time or record.end_time or now
    return max(0.0, (until - record.submit_time).total_seconds())


def running_seconds(start: datetime | None, end: datetime | None, now: datetime) -> float | None:
    """From start to the end, else to now; None before the start."""
    if start is None:
        return None
    return max(0.0, ((end or now) - start).total_seconds())
