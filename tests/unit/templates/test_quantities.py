"""Amounts, all units binary. Source: workflow-spec.md §2.9, §7.3, §10.6."""

from __future__ import annotations

import pytest

from templates.quantities import byte_quantity, kubernetes_quantity


@pytest.mark.parametrize(
    ("text", "whole_bytes"),
    [
        ("1", 1),
        ("1B", 1),
        ("1m", 1),
        ("1024m", 1),
        ("0", 0),
        ("1K", 1024),
        ("1Ki", 1024),
        ("1KiB", 1024),
        ("2M", 2 << 20),
        ("1G", 1 << 30),
        ("1Gi", 1 << 30),
        ("1GiB", 1 << 30),
        ("0.5Gi", 1 << 29),
        ("1Ti", 1 << 40),
        ("1.5Ki", 1536),
    ],
)
def test_units_are_binary(text: str, whole_bytes: int) -> None:
    quantity = byte_quantity(text)
    assert quantity is not None
    assert quantity.whole_bytes == whole_bytes


@pytest.mark.parametrize("text", ["", "Gi", "1GB", "1gi", "1Pi", "1kb", "-1Gi", "1 Gi", "1e3", "a", "1.Gi"])
def test_what_is_no_amount(text: str) -> None:
    assert byte_quantity(text) is None


def test_conversions_are_whole_where_they_come_out_whole() -> None:
    quantity = byte_quantity("16Gi")
    assert quantity is not None
    assert [repr(quantity.in_unit(unit)) for unit in ("Ti", "Gi", "Mi", "B")] == [
        "0.015625",
        "16",
        "16384",
        str(16 << 30),
    ]


@pytest.mark.parametrize(
    ("text", "rewritten"),
    [
        ("10G", "10Gi"),
        ("10Gi", "10Gi"),
        ("10GiB", "10Gi"),
        ("1.5T", "1.5Ti"),
        ("5B", "5"),
        ("7", "7"),
        ("100m", "1"),
        ("8.0Ki", "8.0Ki"),
        ("3GB", "3GB"),
        ("", ""),
    ],
)
def test_kubernetes_reads_the_same_amount(text: str, rewritten: str) -> None:
    """'normalise to binary everywhere, emit Ki/Mi/Gi' (§10.6)."""
    assert kubernetes_quantity(text) == rewritten
