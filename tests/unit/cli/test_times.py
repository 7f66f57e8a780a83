"""Times of the server and of a person. Source: api.md §1.4, §5."""

from __future__ import annotations

import time

import pytest

from cli.times import duration, local_time, naive_utc


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2025-11-21T22:33:44.123456", "Nov 21, 2025 22:33 UTC"),
        ("2025-11-21T22:33:44", "Nov 21, 2025 22:33 UTC"),
        ("2025-11-21T22:33:44Z", "Nov 21, 2025 22:33 UTC"),
        ("2025-11-21T22:33:44+01:00", "Nov 21, 2025 21:33 UTC"),
        (None, "-"),
        ("", "-"),
        ("soon", "soon"),
    ],
)
def test_server_times(text: str | None, shown: str) -> None:
    """Shown as `Nov 21, 2025 22:33 UTC`; naive means UTC."""
    assert local_time(text) == shown


def test_local_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shown in the local zone, sent "naive and already converted to UTC"."""
    monkeypatch.setenv("TZ", "XYZ-02:00")
    time.tzset()
    assert local_time("2025-11-21T23:33:44") == "Nov 22, 2025 01:33 XYZ"
    assert naive_utc("2025-01-01") == "2024-12-31T22:00:00"
    assert naive_utc("2025-01-01T00:00:00Z") == "2025-01-01T00:00:00"


@pytest.mark.parametrize(
    ("seconds", "shown"), [(None, "-"), (0.4, "00:00:00"), (3661, "01:01:01"), (90061, "1d 01:01:01")]
)
def test_durations(seconds: float | None, shown: str) -> None:
    """Hours, minutes, seconds, and days where there are some."""
    assert duration(seconds) == shown
