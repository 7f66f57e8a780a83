"""Times and texts on the wire: api.md §1.4."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import TypeAdapter, ValidationError

from gateway.schemas.misc import Health
from gateway.schemas.submit import TemplateSpec
from gateway.schemas.wire import Text, TimeFilter, Timestamp

FILTER: TypeAdapter[datetime] = TypeAdapter(TimeFilter)
SHOWN: TypeAdapter[datetime] = TypeAdapter(Timestamp)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2025, 11, 21, 22, 33, 44, 123456), "2025-11-21T22:33:44.123456"),
        (datetime(2025, 11, 21, 22, 33, 44, 100000), "2025-11-21T22:33:44.100000"),
        (datetime(2025, 11, 21, 22, 33, 44), "2025-11-21T22:33:44"),
        (datetime(2025, 11, 21, 22, 33, 44, tzinfo=UTC), "2025-11-21T22:33:44"),
        (datetime(2025, 11, 21, 22, tzinfo=timezone(timedelta(hours=2))), "2025-11-21T20:00:00"),
    ],
)
def test_times_in_replies_have_no_offset(moment: datetime, text: str) -> None:
    assert SHOWN.dump_json(SHOWN.validate_python(moment)).decode() == f'"{text}"'


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-01-01T00:00:00", datetime(2025, 1, 1)),
        ("2026-11-21 22:52:33.597839", datetime(2026, 11, 21, 22, 52, 33, 597839)),
        ("2025-01-01T02:00:00+02:00", datetime(2025, 1, 1)),
        ("2025-01-01T00:00:00Z", datetime(2025, 1, 1)),
    ],
)
def test_times_in_filters(text: str, moment: datetime) -> None:
    assert FILTER.validate_python(text) == moment


@pytest.mark.parametrize("text", ["yesterday", "", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(ValidationError):
        FILTER.validate_python(text)


def test_half_characters_are_refused() -> None:
    with pytest.raises(ValidationError, match="half a character"):
        TypeAdapter(Text).validate_python("\ud800")


def test_unknown_keys_are_refused() -> None:
    with pytest.raises(ValidationError):
        TemplateSpec.model_validate({"file": "", "other": 1})
    with pytest.raises(ValidationError):
        Health.model_validate({"status": "OK", "other": 1})
