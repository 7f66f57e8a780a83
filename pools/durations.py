"""Durations in configuration objects: `60d`, `30m`, `PT10S`.

Source: workflow-spec.md §2.3.
"""

from __future__ import annotations

import re

_UNIT_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}
_SHORT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(d|h|m|s|ms|us)")
_ISO = re.compile(
    r"P(?:([0-9]+)D)?(?:T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+(?:\.[0-9]+)?)S)?)?",
)
_ISO_SECONDS = (86400.0, 3600.0, 60.0, 1.0)
# 999,999,999 days, the longest that a timedelta can hold.
_MAX_SECONDS = 999_999_999 * 86400.0


def duration_seconds(text: str) -> float:
    """The length that `text` says. Units: seconds. Errors: ValueError with OSMO's message."""
    seconds = _seconds(text)
    if seconds is None or seconds > _MAX_SECONDS:
        raise ValueError(
            f"Cannot recognize duration: {text}. Only support ISO 8601 (e.g. PT10S) or xd, xh, xm, xs, xms, xus"
        )
    return seconds


def _seconds(text: str) -> float | None:
    short = _SHORT.fullmatch(text)
    if short is not None:
        return float(short[1]) * _UNIT_SECONDS[short[2]]
    iso = _ISO.fullmatch(text)
    if iso is None or not any(iso.groups()):
        return None
    return sum(float(part or 0) * unit for part, unit in zip(iso.groups(), _ISO_SECONDS, strict=True))
