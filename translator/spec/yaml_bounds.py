"""What a YAML document may be, and how one says that it is not.

Parsing meets hostile input first of all: every bound is here, and every failure is a `YamlFault`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from translator.spec.faults import shortened


@dataclass(frozen=True, slots=True, kw_only=True)
class LoaderLimits:
    """Bounds on one document.

    Units: `text_length` and `scalar_length` in characters; `nodes` bounds the keys, values, and begins and ends of
    containers, and again what all aliases stand for, long texts by their length; `depth` counts nested containers,
    through aliases too.
    """

    text_length: int = 8 * 1024 * 1024
    scalar_length: int = 4 * 1024 * 1024
    nodes: int = 500_000
    depth: int = 100


DEFAULT_LIMITS: Final = LoaderLimits()


class YamlFault(ValueError):
    """A text that is no usable YAML document.

    Shape: `code` is a Problem's code; `offset` counts characters from the start of the text.
    """

    def __init__(self, code: str, message: str, offset: int = 0) -> None:
        self.code = code
        self.message = shortened(message)
        super().__init__(self.message)
        self.offset = offset
