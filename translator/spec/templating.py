"""Template rendering as a spec sees it: special tokens are protected, the rest goes to a renderer.

Source: workflow-spec.md §3.1 (phase B), §3.2, §3.3, §3.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from translator.spec.jinja_text import Kind, Piece, pieces

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
    """
    found = tuple(pieces(text))
    # Private use: no text has these characters, and one that has some leaves others.
    private_use = chain(range(0xE0F2, 0xF900), range(0xF0000, 0xFFFFE))
    unused = (chr(code) for code in private_use if chr(code) not in text)
    return ProtectedText(
        pieces=found,
        opening=next(unused, _LAST_RESORT[0]),
        closing=next(unused, _LAST_RESORT[1]),
        needs_rendering=any(piece.kind not in (Kind.DATA, Kind.TOKEN) for piece in found),
    )


def rendered(text: ProtectedText, variables: Mapping[str, object], renderer: Renderer) -> str:
    """The text with everything but special tokens resolved. Errors: TemplateFailure."""
    template = "".join(map(text.hidden, text.pieces))
    return text.revealed(renderer.render(template, variables))
