"""What the paths of an upload mean."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from cli.errors import CliError
from storage.keys import Parts
from storage.trees import Tree


def uploads_of(paths: Sequence[str]) -> Iterator[tuple[Path, str, Parts]]:
    """For each path the directory to open, the file in it or "", and what stands before the names in the store."""
    for text in paths:
        found = [text] if os.path.lexists(text) else sorted(glob.glob(text))
        if not found:
            raise CliError(f"There is no {text}. Name a file or a directory.")
        for each in found:
            path = Path(each)
            if path.is_dir():
                # As with `cp`, a dot at the end means what is in it.
                name = "" if each.endswith("/.") else path.resolve().name
                yield path, "", (name,) if name else ()
            else:
                yield path.parent, path.name, ()


def opened_tree(directory: Path, *, create: bool = False) -> Tree:
    """A directory, opened. Errors: CliError."""
    try:
        return Tree.open(directory, create=create)
    except OSError as error:
        raise CliError(f"{directory} cannot be opened: {error.strerror}.") from error
