"""Where the Jinja syntax of a text stands: a scanner that finds tags and OSMO's special tokens, and nothing more.

It follows Jinja's lexer in what ends a tag (strings and brackets are skipped), so that a token inside a string, a
comment or `raw` is told from one that stands in the text. Linear in the length of the text; a text that Jinja would
refuse is scanned as far as it goes.

Source: workflow-spec.md §3.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum

import msgspec

_OPENING = re.compile(r"\{[{%#]")
_TOKEN = re.compile(r"\{\{(?:uuid|workflow_id|output|input:[^}]+|host:[^}]+)\}\}")
_RAW_BEGIN = re.compile(r"\{%[-+]?\s*raw\s*-?%\}")
_RAW_END = re.compile(r"\{%[-+]?\s*endraw\s*[-+]?%\}")
_TAG_PART = re.compile(r"""['"%(){}\[\]]""")
_STRING = re.compile(r"""'[^'\\]*(?:\\.[^'\\]*)*'|"[^"\\]*(?:\\.[^"\\]*)*\"""", re.DOTALL)


class Kind(StrEnum):
    """What a piece of a text is to Jinja."""

    DATA = "data"
    TOKEN = "token"
    EXPRESSION = "expression"
    STATEMENT = "statement"
    COMMENT = "comment"
    BROKEN = "broken"


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of a text. Shape: the pieces of a text, joined, are the text; the inside of `raw` is DATA."""

    kind: Kind
    text: str


def is_plain(text: str) -> bool:
    """Whether tokens are all the syntax that certainly stands in `text`: a quick look, that may say no too often."""
    # A third brace before a token would begin an expression.
    return "{{{" not in text and _OPENING.search(_TOKEN.sub(" ", text)) is None


def pieces(text: str) -> Iterator[Piece]:
    """The text cut where Jinja's syntax begins and ends; from what has no end on, one BROKEN piece."""
    position = 0
    while (opening := _OPENING.search(text, position)) is not None:
        start = opening.start()
        if start > position:
            yield Piece(kind=Kind.DATA, text=text[position:start])
        kind, end = _tag(text, start)
        yield Piece(kind=kind, text=text[start:end])
        position = end
        if kind is Kind.STATEMENT and _RAW_BEGIN.fullmatch(text, start, end):
            raw_end = _RAW_END.search(text, position)
            if raw_end is None:
                break
            yield Piece(kind=Kind.DATA, text=text[position : raw_end.start()])
            yield Piece(kind=Kind.STATEMENT, text=raw_end[0])
            position = raw_end.end()
    if position < len(text):
        yield Piece(kind=Kind.DATA, text=text[position:])


def _tag(text: str, start: int) -> tuple[Kind, int]:
    """The kind and the end of what begins with an opening at `start`."""
    match text[start + 1]:
        case "#":
            kind, end = Kind.COMMENT, text.find("#}", start + 2)
            end = end + 2 if end >= 0 else -1
        case "%":
            raw = _RAW_BEGIN.match(text, start)
            kind, end = Kind.STATEMENT, raw.end() if raw else _tag_end(text, start + 2, "%}")
        case _:
            token = _TOKEN.match(text, start)
            if token is not None:
                return Kind.TOKEN, token.end()
            kind, end = Kind.EXPRESSION, _tag_end(text, start + 2, "}}")
    return (kind, end) if end >= 0 else (Kind.BROKEN, len(text))


def _tag_end(text: str, position: int, closing: str) -> int:
    """The end of the tag whose inside begins at `position`; -1 where it has none."""
    depth = 0
    while (part := _TAG_PART.search(text, position)) is not None:
        position = part.start()
        if depth == 0 and text.startswith(closing, position):
            return position + len(closing)
        if part[0] in "'\"":
            string = _STRING.match(text, position)
            if string is None:
                return -1
            position = string.end()
            continue
        if part[0] in "({[":
            depth += 1
        elif part[0] in ")}]":
            depth -= 1
        position += 1
    return -1


def literal_template(text: str) -> str:
    """A template that renders to `text`; special tokens stand in it as they are.

    Any server's Jinja undoes it: each opening that begins no token becomes an expression that prints it.
    """
    parts = []
    position = 0
    while (opening := _OPENING.search(text, position)) is not None:
        start = opening.start()
        parts.append(text[position:start])
        token = _TOKEN.match(text, start)
        if token is not None:
            parts.append(token[0])
            position = token.end()
        else:
            parts.append(f"{{{{ '{opening[0]}' }}}}")
            position = opening.end()
    parts.append(text[position:])
    return "".join(parts)
