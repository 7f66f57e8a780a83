"""In which sandboxes nothing was written, so that the next task can have them as they stand.

Setting up and taking down a sandbox for each task costs more than all the rest of a short one. It counts as untouched
where its box holds the very directories, links and empty files (which something is mounted on) that one has in which
nothing was written, with the same owners, modes and attributes; their times may differ. What lies in memory only is
the launcher's to look at.
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
    """What is to be the same of an entry. Shape: `target` is where a link points to."""

    mode: int
    target: str
    owner: tuple[int, int]
    attributes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Imprint:
    """What is in an untouched box, by its path in it."""

    traits: Mapping[str, _Trait]

    @classmethod
    def of(cls, box: Path) -> Imprint:
        """The imprint of a box in whose sandbox nothing was written. Errors: OSError; ValueError for a file."""
        return cls(dict(_traits(str(box))))

    def fits(self, box: Path) -> bool:
        """Whether a box was left untouched; empty directories of inputs are removed from it. Nobody else changes it."""
        try:
            for inputs in os.scandir(box / _INPUTS):
                os.rmdir(inputs.path)
            seen = 0
            for path, trait in _traits(str(box)):
                known = self.traits.get(path)
                if known is None or (trait.mode, trait.target, trait.owner) != (known.mode, known.target, known.owner):
                    return False
                if not trait.attributes <= known.attributes:
                    return False
                seen += 1
        except (OSError, ValueError):
            return False
        return seen == len(self.traits)


def _traits(root: str) -> Iterator[tuple[str, _Trait]]:
    """Everything with its path below the root, the root itself as ''."""
    waiting = [""]
    while waiting:
        below = waiting.pop()
        path = f"{root}/{below}"
        yield below, _trait(path)
        with os.scandir(path) as entries:
            for entry in entries:
                inside = f"{below}/{entry.name}" if below else entry.name
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(inside)
                else:
                    yield inside, _trait(entry.path)


def _trait(path: str) -> _Trait:
    found = os.lstat(path)
    if stat.S_ISREG(found.st_mode) and found.st_size:
        raise ValueError(f"{path} is a file that holds something")
    target = os.readlink(path) if stat.S_ISLNK(found.st_mode) else ""
    # Linux has them; where they are missing nothing can be said about them.
    attributes = os.listxattr(path, follow_symlinks=False) if hasattr(os, "listxattr") else ()
    return _Trait(found.st_mode, target, (found.st_uid, found.st_gid), frozenset(attributes))
