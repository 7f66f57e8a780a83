"""What all sections of a spec share: their bases, and the types of fields that stand in several of them.

Source: workflow-spec.md §2.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, StringConstraints

from translator.spec import rules, units
from translator.spec.faults import fault
from translator.spec.names import NAME_PATTERN

# Beyond any machine, and inside the integers of all later formats.
_MAX_COUNT = 10**9


class Section(BaseModel):
    """Base of all sections: frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CoercingSection(Section):
    """Base of the sections in which a number may stand for a text: `image: 5` is "5"."""

    model_config = ConfigDict(coerce_numbers_to_str=True)


def _regex(pattern: str) -> str:
    if (message := rules.regex_message(pattern)) is not None:
        raise fault("bad-regex", message)
    return pattern


Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Regex = Annotated[str, AfterValidator(_regex)]
Timeout = Annotated[timedelta | None, PlainValidator(units.timeout)]
Frequency = Annotated[timedelta, PlainValidator(units.frequency)]
Count = Annotated[int, Field(ge=0, le=_MAX_COUNT)]
