"""Lines and events as users see them. Source: workflow-spec.md §5.10, api.md §2.9."""

from __future__ import annotations

from engine.ports import LogLine
from gateway.ports.records import EventRecord


def line_text(line: LogLine) -> str:
    """`2026/02/12 08:38:57 [task] text`, `[task retry-1]` from the first retry on, `[task][osmo]` for our own lines."""
    at = line.at
    stamp = f"{at.year:04}/{at.month:02}/{at.day:02} {at.hour:02}:{at.minute:02}:{at.second:02}"
    return f"{stamp} {_source(line.task, line.retry_id)}{'[osmo]' if line.system else ''} {line.text}"


def event_text(event: EventRecord) -> str:
    """`2026-02-12 08:38:57+00:00 [task] Reason: message`, or `[task retry-1]`."""
    stamp = event.at.isoformat(sep=" ", timespec="seconds")
    return f"{stamp}+00:00 {_source(event.task, event.retry_id)} {event.reason}: {event.message}"


def _source(task: str, retry_id: int) -> str:
    return f"[{task} retry-{retry_id}]" if retry_id else f"[{task}]"
