"""Durations in configurations. Source: workflow-spec.md §2.3."""

from __future__ import annotations

import pytest

from pools.durations import duration_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60d", 60 * 86400),
        ("2h", 7200),
        ("30m", 1800),
        ("10s", 10),
        ("500ms", 0.5),
        ("1us", 1e-6),
        ("0s", 0),
        ("PT10S", 10),
        ("P1DT2H3M4.5S", 93784.5),
        ("10 m", 600),
    ],
)
def test_accepted(text: str, seconds: float) -> None:
    assert duration_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "60", "1h30m", "1w", "10M", "P", "PT", "P1W", "-5m", "x", "9" * 30 + "d"])
def test_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Cannot recognize duration"):
        duration_seconds(text)
