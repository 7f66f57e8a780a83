"""Times between the server and a person: naive UTC there, the local zone here. Source: api.md §1.4, §5."""

from __future__ import annotations

from datetime import UTC, datetime

ABSENT = "-"
_SHOWN = "%b %d, %Y %H:%M %Z"


def local_time(text: str | None) -> str:
    """A server's time as `Nov 21, 2025 22:33 UTC` in the local zone; `-` where there is none.

    Shape: `text` is ISO 8601; without a zone it is UTC.
    """
    if not text:
        return ABSENT
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return _with_zone(moment).astimezone().strftime(_SHOWN)


def naive_utc(text: str) -> str:
    """A date or time of the user, in the local zone unless it says another, as `2025-01-01T00:00:00` in UTC.

    Errors: ValueError where it is neither.
    """
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _with_zone(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def duration(seconds: float | None) -> str:
    """A length of time as `1d 02:03:04`, `02:03:04` or `-`."""
    if seconds is None:
        return ABSENT
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    clock = f"{hour:02}:{minute:02}:{second:02}"
    return f"{days}d {clock}" if days else clock
