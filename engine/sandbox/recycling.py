"""Which boxes were left as they were made, and so can be used again.

Making and removing a dozen directories for each task costs more than all the rest of a short one, and file systems
get slower the more often it is done. A box counts as untouched where it holds the very directories that a sandbox
has at its end in which nothing was written, with the same owners, modes and attributes; their times may differ.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_INPUTS = "osmo/data/input"


@dataclass(frozen=True, slots=True)
class _Trait:
    """What is to be the same of a directory."""

    mode: int
    owner: tuple[int, int]
    attributes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Imprint:
    """The directories of an untouched box, by their path in it."""

    traits: Mapping[str, _Trait]

    @classmethod
    def of(cls, box: Path) -> Imprint:
        """The imprint of a box that was set up and closed, and never used. Errors: OSError; ValueError for a file."""
        return cls(dict(_traits(str(box))))

    def fits(self, box: Path) -> bool:
        """Whether a box was left untouched; empty directories of inputs are removed from it. Nobody else changes it."""
        try:
            for inputs in os.scandir(box / _INPUTS):
                os.rmdir(inputs.path)
            seen = 0
            for path, trait in _traits(str(box)):
                known = self.traits.get(path)
                if known is None or (trait.mode, trait.owner) != (known.mode, known.owner):
                    return False
                if not trait.attributes <= known.attributes:
                    return False
                seen += 1
        except (OSError, ValueError):
            return False
        return seen == len(self.traits)


def _traits(root: str) -> Iterator[tuple[str, _Trait]]:
    """Every directory with its path below the root, the root itself as ''."""
    waiting = [""]
    while waiting:
        below = waiting.pop()
        path = f"{root}/{below}"
        found = os.lstat(path)
        attributes = frozenset(os.listxattr(path)) if hasattr(os, "listxattr") else frozenset()
        yield below, _Trait(stat.S_IMODE(found.st_mode), (found.st_uid, found.st_gid), attributes)
        with os.scandir(path) as entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    raise ValueError(f"{entry.path} is no directory")
                waiting.append(f"{below}/{entry.name}" if below else entry.name)
