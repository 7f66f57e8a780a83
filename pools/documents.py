"""What all configuration objects share: frozen, nulls mean "not given", secrets that do not print themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainSerializer, SecretStr, model_validator
from pydantic_core.core_schema import SerializationInfo

from pools.durations import duration_seconds
from templates.merge import JsonObject

MASK = "**********"
"""What stands for a secret wherever it is shown."""

NAME_PATTERN = re.compile(r"[a-zA-Z]([a-zA-Z0-9_.-]*[a-zA-Z0-9])?")
REVEAL = {"reveal": True}


class Document(BaseModel):
    """Base of configuration objects. An unknown key is refused; a key that is left empty keeps its default."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            return value
        return {key: item for key, item in value.items() if item is not None}


class LenientDocument(Document):
    """Base of the objects of which OSMO ignores unknown keys; `pools.config` warns about them."""

    model_config = ConfigDict(extra="ignore")


def as_json(document: Document, *, reveal: bool = False) -> JsonObject:
    """The object as JSON values, its secrets masked unless `reveal` (for storing)."""
    dumped: JsonObject = document.model_dump(mode="json", by_alias=False, context=REVEAL if reveal else None)
    return dumped


def name_problem(kind: str, name: str) -> str | None:
    """What is wrong with the name of a pool, platform, template, rule or test; None where nothing is."""
    if NAME_PATTERN.fullmatch(name):
        return None
    return (
        f'Name "{name}" of {kind} is not valid. Expected a letter, then letters, digits, "_", "." or "-", a letter or '
        "digit at the end."
    )


def _secret_text(secret: SecretStr, info: SerializationInfo) -> str:
    text = secret.get_secret_value()
    if info.context and info.context.get("reveal"):
        return text
    return MASK if text else ""


def _duration_text(value: object) -> object:
    """A number of seconds becomes a text, so that a configuration shows durations in one form."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value}s"
    return value


def _checked_duration(text: str) -> str:
    duration_seconds(text)
    return text


def _checked_or_inherited(text: str) -> str:
    return _checked_duration(text) if text else text


Secret: TypeAlias = Annotated[SecretStr, PlainSerializer(_secret_text)]
Duration: TypeAlias = Annotated[str, BeforeValidator(_duration_text), AfterValidator(_checked_duration)]
InheritedDuration: TypeAlias = Annotated[str, BeforeValidator(_duration_text), AfterValidator(_checked_or_inherited)]
"""A duration, or "" to take that of the workflow config."""
