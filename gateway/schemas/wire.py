"""How OSMO writes times and closed objects on the wire. Source: api.md §1.3, §1.4."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict


class Reply(BaseModel):
    """Base of everything the gateway answers with: no key that OSMO does not know slips in."""

    model_config = ConfigDict(extra="forbid")


class Body(BaseModel):
    """Base of everything the gateway reads: an unknown key is refused with 422."""

    model_config = ConfigDict(extra="forbid")


def naive_utc(value: datetime) -> datetime:
    """The same moment as naive UTC; a time without offset already is UTC.

    Errors: ValueError where the moment lies outside the years 1 to 9999.
    """
    if value.tzinfo is None:
        return value
    try:
        return value.astimezone(UTC).replace(tzinfo=None)
    except OverflowError as error:
        raise ValueError("the time lies outside the years 1 to 9999 in UTC") from error


def encodable(value: str) -> str:
    """The same text. Errors: ValueError where it holds half a character, which JSON can write and UTF-8 cannot."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"the text holds half a character (a lone surrogate) at position {error.start}") from error
    return value


# A text in a request.
Text = Annotated[str, AfterValidator(encodable)]
# A time in a query: `2025-01-01T00:00:00`, a space instead of the T, with or without fraction and offset.
TimeFilter = Annotated[datetime, AfterValidator(naive_utc)]
# A time in a reply: naive UTC, because OSMO's client does not read an offset.
Timestamp = Annotated[datetime, AfterValidator(naive_utc)]
