"""Lines and columns of a text, and of the keys and values of a document loaded from it.

The loader leaves one list of marks per container; everything else is worked out when a place is asked for, so that a
correct document pays almost nothing.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

PathStep = str | int
FieldPath = tuple[PathStep, ...]

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
_STEP = re.compile(r"""\[(?P<index>[0-9]+)\]|\["(?P<quoted>.*?)"\]|\.?(?P<plain>[^.\[]+)""", re.DOTALL)
_MAX_STEP_LENGTH = 300
LINE_BREAK = re.compile(r"\r\n|\n|\r")


class Place(NamedTuple):
    """A position in a file. Shape: line and column count from 1, columns in characters; both None where none exists."""

    line: int | None
    column: int | None


NOWHERE = Place(None, None)


class LineIndex:
    """Where the lines of a text begin, for turning offsets into places."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._length = len(text)

    @cached_property
    def _starts(self) -> list[int]:
        # Only asked for where something is wrong: a correct spec needs no line numbers.
        if "\r" not in self._text:
            return [0, *accumulate(len(line) + 1 for line in self._text.split("\n")[:-1])]
        return [0, *(found.end() for found in LINE_BREAK.finditer(self._text))]

    def place(self, offset: int) -> Place:
        """The place of the character at `offset`; an offset outside is taken as the nearest end."""
        line = self.number(offset)
        return Place(line, max(0, min(offset, self._length)) - self._starts[line - 1] + 1)

    def number(self, offset: int) -> int:
        """The number of the line that holds the character at `offset`."""
        return bisect_right(self._starts, max(0, offset))

    def start(self, line: int) -> int:
        """The offset of the first character of `line`; of the last line for lines beyond it."""
        return self._starts[max(1, min(line, len(self._starts))) - 1]

    def text(self, line: int) -> str:
        """The text of `line`, with its line break."""
        end = self._starts[line] if line < len(self._starts) else self._length
        return self._text[self.start(line) : end]

    def __len__(self) -> int:
        return len(self._starts)


@dataclass(slots=True)
class PlaceTable:
    """Where the parts of a loaded document begin, as marks: offsets in characters from the start of the text.

    Shape: `marks` has, per id of a container, the marks of its children in the order of the text: one per element of
    a sequence, two (key, value) per entry of a mapping. A mapping with merge keys or repeated keys, whose entries are
    not in that order any more, is in `entries` instead: key to (key mark, value mark). `replaced` keeps alive what is
    not part of the document any more, so that no id comes twice.
    """

    root: int = 0
    marks: dict[int, list[int]] = field(default_factory=dict)
    entries: dict[int, dict[object, tuple[int, int]]] = field(default_factory=dict)
    replaced: list[object] = field(default_factory=list)
    _positions: dict[int, dict[object, int]] = field(default_factory=dict)

    def offset(self, document: object, path: FieldPath, *, at_key: bool = False) -> int:
        """Where the value at `path` begins, or the key that leads to it; of the deepest step that exists."""
        found = self.root
        node = document
        for step in path:
            child = self._child(node, step)
            if child is None:
                break
            key_mark, value_mark, node = child
            found = key_mark if at_key else value_mark
        return found

    def _child(self, node: object, step: PathStep) -> tuple[int, int, object] | None:
        if isinstance(node, Mapping) and (key := matching_key(node, step)) is not None:
            key_mark, value_mark = self.entry(node, key[0])
            return key_mark, value_mark, node[key[0]]
        if isinstance(node, list) and isinstance(step, int) and 0 <= step < len(node):
            mark = self.marks[id(node)][step]
            return mark, mark, node[step]
        return None

    def entry(self, mapping: Mapping[object, object], key: object) -> tuple[int, int]:
        """The marks of one entry. Errors: KeyError where the mapping is not of this document."""
        entries = self.entries.get(id(mapping))
        if entries is not None:
            return entries[key]
        positions = self._positions.get(id(mapping))
        if positions is None:
            positions = self._positions[id(mapping)] = {name: 2 * index for index, name in enumerate(mapping)}
        position = positions[key]
        key_mark, value_mark = self.marks[id(mapping)][position : position + 2]
        return key_mark, value_mark


def matching_key(mapping: Mapping[object, object], step: PathStep) -> tuple[object] | None:
    """The key of `mapping` that `step` means, by its text if need be; in a tuple, since the key may be None."""
    if step in mapping:
        return (step,)
    return next(((key,) for key in mapping if str(key) == str(step)), None)


def field_steps(path: str) -> FieldPath:
    """The steps of a path as `field_path` shows it."""
    return tuple(
        int(found["index"]) if found["index"] is not None else found["quoted"] or found["plain"] or ""
        for found in _STEP.finditer(path)
    )


def field_path(steps: Sequence[PathStep]) -> str:
    """The path as shown to users: `workflow.tasks[2].resources.cpu`, `workflow.labels["a/b"]`."""
    shown = ""
    for step in steps:
        if isinstance(step, int):
            shown += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            shown += f".{step}" if shown else step
        else:
            shown += f'["{step[:_MAX_STEP_LENGTH]}"]'
    return shown
