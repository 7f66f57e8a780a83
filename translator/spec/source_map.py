"""From a place in the text that was parsed to the place in the file that the user wrote.

Where nothing was rendered the two differ by the section's offset. Where a template was rendered, it is rendered once
more with the number of each line written into it, only when the first problem asks; where that changes the text,
which a template can do that measures or cuts itself, no line of the file is claimed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Protocol

from templates.sandbox_failure import TemplateFailure
from translator.spec.jinja_text import Kind, Piece
from translator.spec.places import LINE_BREAK, NOWHERE, LineIndex, Place
from translator.spec.sections import Section
from translator.spec.templating import ProtectedText, Renderer, rendered

# Private-use characters: no spec has them, and if one has, nothing is marked.
_BEGIN, _END = "\ue0f0", "\ue0f1"
_MARKER = re.compile(f"{_BEGIN}([0-9]+){_END}")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)?")


class SourceMap(Protocol):
    """Finds places in the file."""

    def place(self, offset: int) -> Place:
        """The place of the character at `offset` of the parsed text; both numbers are None where none is known."""
        ...

    def parsed_line(self, offset: int) -> int | None:
        """The line of the rendered text to name instead, where `place` knows none."""
        ...


class PlainMap:
    """The map of a section that was parsed as it stands in the file."""

    def __init__(self, lines: LineIndex, section: Section) -> None:
        self._lines = lines
        self._section = section

    def place(self, offset: int) -> Place:
        """See SourceMap."""
        return self._lines.place(self._section.offset + min(offset, len(self._section.text)))

    def parsed_line(self, offset: int) -> int | None:
        """See SourceMap."""
        return None


class RenderedMap:
    """The map of a rendered section. Units: lines of the section count from 1."""

    def __init__(
        self,
        *,
        lines: LineIndex,
        section: Section,
        protected: ProtectedText,
        text: str,
        variables: Mapping[str, object],
        renderer: Renderer,
    ) -> None:
        self._file_lines = lines
        self._section = section
        self._protected = protected
        self._text = text
        self._variables = variables
        self._renderer = renderer
        self._section_lines = LineIndex(section.text)
        self._rendered_lines = LineIndex(text)

    def place(self, offset: int) -> Place:
        """See SourceMap."""
        line = self._rendered_lines.number(offset)
        if line > len(self._origins):
            return NOWHERE
        origin = self._origins[line - 1]
        written, shown = self._section_lines.text(origin), self._rendered_lines.text(line)
        column = offset - self._rendered_lines.start(line) + 1
        if written[:column] != shown[:column]:
            # Something before the place was rendered: the beginning of the line is all that is certain.
            column = len(written) - len(written.lstrip()) + 1
        return self._file_lines.place(self._section.offset + self._section_lines.start(origin) + column - 1)

    def parsed_line(self, offset: int) -> int | None:
        """See SourceMap."""
        return None if self._origins else self._rendered_lines.number(offset)

    @cached_property
    def _origins(self) -> Sequence[int]:
        """The line of the section each rendered line comes from; empty where that is not to be known."""
        if _BEGIN in self._section.text or _BEGIN in self._text:
            return ()
        parts = marked_pieces(self._protected.pieces)
        try:
            marked = rendered(self._protected, self._variables, self._renderer, parts)
        except TemplateFailure:
            return ()
        return _origins(marked) if _MARKER.sub("", marked) == self._text else ()


def marked_pieces(pieces: Sequence[Piece]) -> list[Piece]:
    """The template with the number of each line before the first thing in it that can come out."""
    marked: list[Piece] = []
    line, line_is_marked = 1, False
    for piece in pieces:
        if piece.kind is Kind.DATA:
            text, line, line_is_marked = _marked_data(piece.text, line, line_is_marked=line_is_marked)
            marked.append(Piece(kind=Kind.DATA, text=text))
            continue
        if _can_begin_a_line(piece) and not line_is_marked:
            marked.append(Piece(kind=Kind.DATA, text=f"{_BEGIN}{line}{_END}"))
            line_is_marked = True
        marked.append(piece)
        breaks = len(LINE_BREAK.findall(piece.text))
        if breaks:
            line, line_is_marked = line + breaks, False
    return marked


def _marked_data(text: str, line: int, *, line_is_marked: bool) -> tuple[str, int, bool]:
    """The text with its marks, the number of the line it ends in, and whether that one has its mark."""
    parts = []
    for part in _LINE.findall(text):
        if part.strip() and not line_is_marked:
            indent = len(part) - len(part.lstrip())
            part = f"{part[:indent]}{_BEGIN}{line}{_END}{part[indent:]}"
            line_is_marked = True
        if part.endswith(("\n", "\r")):
            line, line_is_marked = line + 1, False
        parts.append(part)
    return "".join(parts), line, line_is_marked


def _can_begin_a_line(piece: Piece) -> bool:
    # A marker before {{- would keep the blanks that this tag removes.
    return piece.kind is Kind.TOKEN or (piece.kind is Kind.EXPRESSION and not piece.text.startswith("{{-"))


def _origins(marked: str) -> list[int]:
    origins = []
    origin = 1
    for line in LINE_BREAK.split(marked):
        marker = _MARKER.search(line)
        if marker is not None:
            origin = int(marker[1])
        origins.append(origin)
    return origins
