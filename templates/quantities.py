"""Amounts of memory and storage inside templates and rules. All units are binary: `G` equals `Gi`.

Source: workflow-spec.md §2.9, §7.2, §7.3.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction

UNIT_EXPONENTS = {
    **dict.fromkeys(("T", "Ti", "TiB"), 40),
    **dict.fromkeys(("G", "Gi", "GiB"), 30),
    **dict.fromkeys(("M", "Mi", "MiB"), 20),
    **dict.fromkeys(("K", "Ki", "KiB"), 10),
    "B": 0,
    "m": -10,
}
"""Unit to the power of two that it stands for. Units: bytes."""

_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)([a-zA-Z]*)")
_KUBERNETES_UNITS = {40: "Ti", 30: "Gi", 20: "Mi", 10: "Ki"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteQuantity:
    """An amount of bytes as somebody wrote it. Shape: `unit` is "" where none was written."""

    number: Fraction
    unit: str

    @property
    def bytes(self) -> Fraction:
        """Units: bytes, exact; a part of a byte is possible (`1m`)."""
        return self.number * Fraction(2) ** UNIT_EXPONENTS.get(self.unit, 0)

    @property
    def whole_bytes(self) -> int:
        """Units: bytes, rounded up."""
        return math.ceil(self.bytes)

    def in_unit(self, unit: str) -> int | float:
        """The amount counted in `unit`, an int where it comes out whole."""
        return plain_number(self.bytes / Fraction(2) ** UNIT_EXPONENTS[unit])


def byte_quantity(text: str) -> ByteQuantity | None:
    """The amount that `text` says; None where it is no number with a unit of `UNIT_EXPONENTS` or none."""
    match = _QUANTITY.fullmatch(text)
    if match is None or (match[2] and match[2] not in UNIT_EXPONENTS):
        return None
    return ByteQuantity(number=Fraction(match[1]), unit=match[2])


def split_quantity(text: str) -> tuple[str, str] | None:
    """Number and unit of `text` as written, the unit known or not; None where it is no such pair."""
    match = _QUANTITY.fullmatch(text)
    return None if match is None else (match[1], match[2])


def kubernetes_quantity(text: str) -> str:
    """`text` as a quantity that means the same amount to Kubernetes, where `10G` would be decimal and `GiB` unknown.

    Shape: a text that is no amount comes back as it is.
    """
    quantity = byte_quantity(text)
    if quantity is None:
        return text
    exponent = UNIT_EXPONENTS.get(quantity.unit, 0)
    if exponent in _KUBERNETES_UNITS and text.removesuffix(quantity.unit):
        return f"{text.removesuffix(quantity.unit)}{_KUBERNETES_UNITS[exponent]}"
    return str(quantity.whole_bytes)


def plain_number(number: Fraction | float) -> int | float:
    """`number` as an int where it is whole, so that it prints without `.0`."""
    return int(number) if number == int(number) else float(number)
