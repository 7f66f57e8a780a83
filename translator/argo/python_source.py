"""Values as Python text, broken into lines where they are long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

_LINE_LENGTH = 110
_INDENT = 4


@dataclass(frozen=True, slots=True)
class Call:
    """A call with keyword arguments."""

    name: str
    arguments: tuple[tuple[str, Expression], ...]


Expression: TypeAlias = "bool | int | float | str | Call | Sequence[Expression] | Mapping[str, Expression] | None"


def call(name: str, arguments: Mapping[str, Expression]) -> Call:
    """The call of `name` with `arguments`, in their order."""
    return Call(name, tuple(arguments.items()))


def formatted(value: Expression, indent: int) -> str:
    """`value` as an expression that begins in a line indented by `indent`."""
    if isinstance(value, bool | int | float | str) or value is None:
        return repr(value)
    short = _on_one_line(value, _LINE_LENGTH - indent)
    if short is not None:
        return short
    opening, elements, closing = _taken_apart(value)
    inner = indent + _INDENT
    lines = [f"{' ' * inner}{prefix}{formatted(element, inner)}," for prefix, element in elements]
    return "\n".join([opening, *lines, f"{' ' * indent}{closing}"])


def _on_one_line(value: Expression, room: int) -> str | None:
    """`value` without line breaks; None where it is longer than `room`."""
    if isinstance(value, bool | int | float | str) or value is None:
        plain = repr(value)
        return plain if len(plain) <= room else None
    opening, elements, closing = _taken_apart(value)
    parts: list[str] = []
    left = room - len(opening) - len(closing)
    for prefix, element in elements:
        text = _on_one_line(element, left)
        if text is None:
            return None
        parts.append(prefix + text)
        left -= len(prefix) + len(text) + 2
        if left < -2:
            return None
    return f"{opening}{', '.join(parts)}{closing}"


def _taken_apart(value: Expression) -> tuple[str, Iterator[tuple[str, Expression]], str]:
    """How the value begins, its elements with what stands before each, and how it ends."""
    if isinstance(value, Call):
        return f"{value.name}(", ((f"{name}=", argument) for name, argument in value.arguments), ")"
    if isinstance(value, Mapping):
        return "{", ((f"{key!r}: ", item) for key, item in value.items()), "}"
    assert isinstance(value, Sequence)
    return "[", (("", item) for item in value), "]"
