"""Durations and quantities as OSMO writes them.

Source: workflow-spec.md §2.3 (durations), §2.9 (quantities; all units are binary, `G` equals `Gi`).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

from pydantic_core import PydanticCustomError

from translator.problems import ErrorCode
from translator.spec.faults import fault

_DURATION_UNITS = {
    # Two-letter units first: "ms" also ends in "s".
    "ms": timedelta(milliseconds=1),
    "us": timedelta(microseconds=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}
_ISO_DURATION = re.compile(
    r"P(?:(?P<days>[0-9]+)D)?"
    r"(?:T(?:(?P<hours>[0-9]+)H)?(?:(?P<minutes>[0-9]+)M)?(?:(?P<seconds>[0-9]+(?:\.[0-9]+)?)S)?)?"
)
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)([a-zA-Z]*)")
_QUANTITY_EXPONENTS = {
    **dict.fromkeys(("T", "Ti", "TiB"), 40),
    **dict.fromkeys(("G", "Gi", "GiB"), 30),
    **dict.fromkeys(("M", "Mi", "MiB"), 20),
    **dict.fromkeys(("K", "Ki", "KiB"), 10),
    **dict.fromkeys(("", "B"), 0),
    "m": -10,
}
# A longer text is no quantity or duration anyone means, and Python's int() takes quadratic time for it.
_MAX_TEXT = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """An amount of memory or storage as written.

    Shape: `unit` as written, "" where none was given (bytes).
    """

    text: str
    number: Fraction
    unit: str

    @property
    def bytes(self) -> int:
        """Units: bytes; what is below one byte is rounded up."""
        exponent = _QUANTITY_EXPONENTS[self.unit]
        return math.ceil(self.number * Fraction(2) ** exponent)


def duration(value: object) -> timedelta:
    """The length of time that a number of seconds, `<int><unit>` or an ISO-8601 text stands for.

    Errors: `bad-duration` where the form is unknown or the value is negative or beyond 999,999,999 days.
    """
    length = _duration_or_none(value)
    if length is None:
        raise _bad_duration(value)
    if length < timedelta(0):
        raise fault("bad-duration", f"Duration {value} is negative. Expected a positive duration such as 10m or PT10S.")
    return length


def timeout(value: object) -> timedelta | None:
    """`duration` for `timeout:` entries; None, the pool's default, for null and zero."""
    return None if value is None else duration(value) or None


def frequency(value: object) -> timedelta:
    """`duration` for checkpoints: no booleans, whole seconds, and at least one so that uploads never spin."""
    if isinstance(value, bool):
        raise _bad_duration(value)
    return timedelta(seconds=max(1, int(duration(value).total_seconds())))


def quantity(value: str, field: str) -> Quantity:
    """A memory or storage amount; `field` names it in messages.

    Errors: `bad-quantity`, of class RESOURCE.
    """
    match = _QUANTITY.fullmatch(value) if len(value) <= _MAX_TEXT else None
    if match is None:
        raise _bad_quantity(f"Resource {field} field has invalid value {value[:_MAX_TEXT]}")
    number, unit = match.groups()
    if unit not in _QUANTITY_EXPONENTS:
        raise _bad_quantity(f"Resource {field} field has invalid unit: {unit}")
    return Quantity(text=value, number=Fraction(number), unit=unit)


def _duration_or_none(value: object) -> timedelta | None:
    try:
        if isinstance(value, timedelta):
            return value
        if isinstance(value, int | float):
            return timedelta(seconds=value)
        if isinstance(value, str) and len(value) <= _MAX_TEXT:
            return _short_duration(value) if not value.startswith("P") else _iso_duration(value)
    except (ValueError, OverflowError):
        return None
    return None


def _short_duration(text: str) -> timedelta | None:
    for unit, length in _DURATION_UNITS.items():
        if text.endswith(unit):
            return int(text.removesuffix(unit)) * length
    return None


def _iso_duration(text: str) -> timedelta | None:
    match = _ISO_DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    return timedelta(**{name: float(number) for name, number in match.groupdict(default="0").items()})


def _bad_duration(value: object) -> PydanticCustomError:
    shown = value if not isinstance(value, str) else value[:_MAX_TEXT]
    return fault(
        "bad-duration",
        f"Cannot recognize duration: {shown}. Only support ISO 8601 (e.g. PT10S) or xd, xh, xm, xs, xms, xus",
    )


def _bad_quantity(message: str) -> PydanticCustomError:
    return fault("bad-quantity", message, error_code=ErrorCode.RESOURCE)
