"""Relative names of files in trees and stores, as the parts between slashes.

Every name that comes from outside (a listing, a directory that a task filled, a URL) goes through here before a path
is made of it.
"""

from __future__ import annotations

from collections.abc import Sequence

Parts = tuple[str, ...]
"""A relative path without empty parts, `.` and `..`."""


class UnsafeName(ValueError):
    """A name cannot stand for a file below a directory; the message holds it."""


def safe_parts(name: str) -> Parts:
    """The parts of a relative name such as `a/b.txt`.

    Errors: UnsafeName where it is absolute, empty, or has a part that is empty, `.`, `..` or holds a NUL.
    """
    return checked_parts(name.split("/"))


def checked_parts(parts: Sequence[str]) -> Parts:
    """The parts themselves. Errors: UnsafeName where one of them is no plain name, or there is none."""
    if not parts or not all(map(is_plain_name, parts)):
        raise UnsafeName(f"Expected a relative name such as a/b.txt, without empty parts, '.' and '..': {parts!r}")
    return tuple(parts)


def is_plain_name(part: str) -> bool:
    """Whether a part names an entry of its directory and nothing else."""
    return part not in ("", ".", "..") and "/" not in part and "\0" not in part


def path_parts(path: str) -> list[str]:
    """The parts of any path, also absolute or with `..`, for a walk that decides about each; no empty ones."""
    return [part for part in path.split("/") if part not in ("", ".")]
