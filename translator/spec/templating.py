"""Template rendering as a spec sees it: special tokens are protected, the rest goes to a renderer.

Source: workflow-spec.md §3.1 (phase B), §3.2, §3.3, §3.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from typing import Protocol

from templates.sandbox_failure import TemplateFailure
from translator.spec.jinja_text import Kind, Piece, pieces

_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
# What is no variable to Jinja, or not always.
_KEYWORDS = {"and", "else", "if", "in", "is", "not", "or", "true", "false", "none", "True", "False", "None"}
_GLOBALS = {"range", "dict", "lipsum", "cycler", "joiner", "namespace"}
_MEANT_OTHERWISE = {"self", "super", "loop", "caller", "varargs", "kwargs", "context", "environment"}
_JINJA_NAMES = frozenset(_KEYWORDS | _GLOBALS | _MEANT_OTHERWISE)
_JINJA_LINE_BREAK = re.compile(r"\r\n|\r")
_ABSENT = object()
_MAX_FILLED_LENGTH = 8 * 1024 * 1024
_MAX_INT_BITS = 10_000
_MAX_PIECES = 500_000
_LAST_RESORT = "\U0010fffc\U0010fffd"
_TEMPLATE_SIGNS = ("{%", "{{", "{#", "default-values")


class Renderer(Protocol):
    """Renders Jinja templates out of reach of everything else.

    Undefined variables fail, a trailing newline is kept, and no template can reach the machine or outlast its time.
    Calls may overlap. Errors: templates.sandbox_failure.TemplateFailure.
    """

    def render(self, template: str, variables: Mapping[str, object]) -> str:
        """The template's text with `variables` filled in."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedText:
    """A template whose special tokens are out of Jinja's sight.

    Shape: `pieces` are those of the original text; `opening` and `closing` are the characters that stand for the
    braces of tokens meanwhile; `needs_rendering` is false where tokens were all the syntax there was.
    """

    pieces: tuple[Piece, ...]
    opening: str
    closing: str
    needs_rendering: bool

    def hidden(self, piece: Piece) -> str:
        """The piece as it stands in the template: as long as it is, on as many lines."""
        if piece.kind is not Kind.TOKEN:
            return piece.text
        return piece.text.replace("{", self.opening).replace("}", self.closing)

    def revealed(self, text: str) -> str:
        """A rendered text with its tokens as the user wrote them."""
        return text.replace(self.opening, "{").replace(self.closing, "}")


def is_templated(text: str) -> bool:
    """Whether OSMO's client takes a file for a template. Source: workflow-spec.md §3.7."""
    return any(sign in text for sign in _TEMPLATE_SIGNS)


def protected(text: str) -> ProtectedText:
    """The template to render for `text`, in which the tokens that stand in its text are hidden.

    A token inside an expression's string or inside `raw` needs no hiding: Jinja gives it back as it is.
    Errors: TemplateFailure where there are too many.
    """
    found = tuple(islice(pieces(text), _MAX_PIECES + 1))
    if len(found) > _MAX_PIECES:
        raise TemplateFailure(str(OverflowError), f"The template has more than {_MAX_PIECES} tags and tokens")
    # Private use: no text has these characters, and one that has some leaves others.
    private_use = chain(range(0xE0F2, 0xF900), range(0xF0000, 0xFFFFE))
    unused = (chr(code) for code in private_use if chr(code) not in text)
    return ProtectedText(
        pieces=found,
        opening=next(unused, _LAST_RESORT[0]),
        closing=next(unused, _LAST_RESORT[1]),
        needs_rendering=any(piece.kind not in (Kind.DATA, Kind.TOKEN) for piece in found),
    )


def rendered(
    text: ProtectedText, variables: Mapping[str, object], renderer: Renderer, parts: Iterable[Piece] | None = None
) -> str:
    """The text with everything but special tokens resolved; `parts` instead of its own pieces, if given.

    A text in which plain variables are all the syntax there is needs no renderer.
    Errors: TemplateFailure.
    """
    parts = text.pieces if parts is None else tuple(parts)
    filled = _filled_in(parts, variables)
    if filled is not None:
        return filled
    return text.revealed(renderer.render("".join(map(text.hidden, parts)), variables))


def _filled_in(parts: Iterable[Piece], variables: Mapping[str, object]) -> str | None:
    """What Jinja would make of a text that holds only tokens and variables with single values; None for any other."""
    texts: list[str] = []
    length = 0
    for piece in parts:
        if piece.kind is Kind.EXPRESSION:
            name = _VARIABLE.fullmatch(piece.text)
            value = variables.get(name[1], _ABSENT) if name is not None and name[1] not in _JINJA_NAMES else _ABSENT
            if not isinstance(value, str | float | bool | None) and not _is_short_int(value):
                return None
            texts.append(str(value))
        elif piece.kind is Kind.TOKEN:
            texts.append(piece.text)
        elif piece.kind is Kind.DATA:
            texts.append(_JINJA_LINE_BREAK.sub("\n", piece.text))
        else:
            return None
        length += len(texts[-1])
        if length > _MAX_FILLED_LENGTH:
            return None
    return "".join(texts)


def _is_short_int(value: object) -> bool:
    # Python refuses to write very long ones out; the renderer says so in OSMO's words.
    return isinstance(value, int) and value.bit_length() < _MAX_INT_BITS
