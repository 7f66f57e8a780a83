"""One line of a receipt."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Fidelity(StrEnum):
    """How faithfully a field is carried over."""

    EXACT = "exact"
    """The cluster does what OSMO says."""
    APPROXIMATED = "approximated"
    """The cluster does something close to it; the note says what differs."""
    KEPT_BY_GATEWAY = "kept-by-gateway"
    """The cluster does not know it; the gateway sees to it, the cluster at most as a backstop."""


class ReceiptEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one field.

    Shape: `osmo` is a path in the spec, `[]` for every element; `kubernetes` names a kind of object and a path in it,
    "" where nothing on the cluster stands for the field; `note` is one sentence.
    """

    osmo: str
    kubernetes: str
    fidelity: Fidelity
    note: str


def exact(osmo: str, kubernetes: str, note: str) -> ReceiptEntry:
    """A field that is carried over as it is."""
    return ReceiptEntry(osmo=osmo, kubernetes=kubernetes, fidelity=Fidelity.EXACT, note=note)


def approximated(osmo: str, kubernetes: str, note: str) -> ReceiptEntry:
    """A field that is carried over nearly."""
    return ReceiptEntry(osmo=osmo, kubernetes=kubernetes, fidelity=Fidelity.APPROXIMATED, note=note)


def kept(osmo: str, kubernetes: str, note: str) -> ReceiptEntry:
    """A field that the gateway sees to."""
    return ReceiptEntry(osmo=osmo, kubernetes=kubernetes, fidelity=Fidelity.KEPT_BY_GATEWAY, note=note)
