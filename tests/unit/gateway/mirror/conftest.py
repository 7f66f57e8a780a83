"""Fixtures of the mirror's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict


@pytest.fixture(autouse=True)
def records() -> Iterator[list[EventDict]]:
    """What the gateway writes about itself, kept instead of printed: several tests make it complain on purpose."""
    with capture_logs() as captured:
        yield captured
