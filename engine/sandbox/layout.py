"""Of which pieces of this machine a sandbox's file system is put together.

Three layouts, from best to least:
* whole: one copy-on-write layer over `/`, further ones over other file systems. The kernel grants it to root only.
* pieces: a root of its own, with a copy-on-write layer over every directory beneath which nothing is mounted.
* read-only: a root of its own, in which this machine's directories can be read and not written.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from enum import StrEnum

from engine.sandbox.mounts import Mount, at_or_below, below

# What a sandbox has of its own, whatever is there on the machine.
OWN_PATHS = ("/dev", "/osmo", "/proc", "/sys", "/tmp")


class LayoutKind(StrEnum):
    """How much of the machine can be changed without changing it."""

    WHOLE = "whole"
    PIECES = "pieces"
    READ_ONLY = "read-only"


@dataclass(frozen=True, slots=True)
class Layer:
    """A directory of the machine with a copy-on-write layer above it. Shape: `mode` is the directory's."""

    path: str
    mode: int = 0o755


@dataclass(frozen=True, slots=True)
class Shown:
    """A directory or file of the machine that can be read."""

    path: str


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link."""

    path: str
    target: str


Piece = Layer | Shown | Link


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What to mount, in order: a directory before what is inside it. Shape: `hidden` directories are shown empty."""

    kind: LayoutKind
    pieces: tuple[Piece, ...]
    hidden: tuple[str, ...] = ()

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The copy-on-write pieces, in order."""
        return tuple(piece for piece in self.pieces if isinstance(piece, Layer))

    @property
    def read_only_paths(self) -> tuple[str, ...]:
        """Directories that could not be layered although the rest is."""
        if self.kind is LayoutKind.READ_ONLY:
            return ("/",)
        return tuple(piece.path for piece in self.pieces if isinstance(piece, Shown) and os.path.isdir(piece.path))

    def without_layer(self, path: str) -> Layout:
        """The layout with one directory read-only, where the kernel cannot layer it."""
        pieces = (Shown(piece.path) if piece == self._layer(path) else piece for piece in self.pieces)
        return replace(self, pieces=tuple(pieces))

    def _layer(self, path: str) -> Layer | None:
        return next((layer for layer in self.layers if layer.path == path), None)


def whole_layout(mounts: Sequence[Mount], hidden: Sequence[str], home: str = "") -> Layout:
    """One layer over `/`, and one over each further file system that can be written.

    Those that others than their owner cannot find are left out, where they are not in this user's home: they belong to
    containers and pods that run here, there may be hundreds, and they come and go.
    """
    pieces: list[Piece] = [_layer("/")]
    for mount in mounts:
        ours = not _concealed(mount.path) or (home != "" and at_or_below(mount.path, home))
        if mount.path != "/" and mount.real and not _own(mount.path) and ours:
            layered = not mount.read_only and os.path.isdir(mount.path)
            pieces.append(_layer(mount.path) if layered else Shown(mount.path))
    return Layout(kind=LayoutKind.WHOLE, pieces=tuple(pieces), hidden=_worth_hiding(hidden))


def pieces_layout(mounts: Sequence[Mount], hidden: Sequence[str]) -> Layout:
    """Layers over the largest directories that have no mount beneath them.

    Mounts that hold no files of their own are left out: most are namespaces of containers (`/run/netns/…`).
    """
    split = frozenset(directory for mount in mounts if not _own(mount.path) for directory in _above(mount.path))
    read_only = frozenset(mount.path for mount in mounts if mount.read_only)
    left_out = frozenset(mount.path for mount in mounts if not mount.real)
    found = _expanded("/", split | {"/"}, read_only)
    pieces = tuple(piece for piece in found if piece.path not in left_out)
    return Layout(kind=LayoutKind.PIECES, pieces=pieces, hidden=_worth_hiding(hidden))


def read_only_layout(hidden: Sequence[str], opened: AbstractSet[str] = frozenset()) -> Layout:
    """Everything shown. Shape: directories in `opened`, and those above them, are the sandbox's own, so that something
    can be put into them; what the machine has there is shown inside."""
    split = frozenset(directory for path in opened for directory in (path, *_above(path))) | {"/"}
    pieces = tuple(Shown(p.path) if isinstance(p, Layer) else p for p in _expanded("/", split, frozenset()))
    return Layout(kind=LayoutKind.READ_ONLY, pieces=pieces, hidden=_worth_hiding(hidden))


def _expanded(directory: str, split: AbstractSet[str], read_only: AbstractSet[str]) -> Iterator[Piece]:
    try:
        entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
    except OSError:
        # Cannot be listed, so it cannot be used either.
        return
    for entry in entries:
        if _own(entry.path):
            continue
        if entry.path in split and entry.path not in read_only and entry.is_dir(follow_symlinks=False):
            yield from _expanded(entry.path, split, read_only)
        elif (piece := _piece(entry, read_only)) is not None:
            yield piece


def _piece(entry: os.DirEntry[str], read_only: AbstractSet[str]) -> Piece | None:
    """One entry of a directory as a piece; None where it went away meanwhile, as things in `/run` do."""
    try:
        if entry.is_symlink():
            return Link(entry.path, os.readlink(entry.path))
        return Shown(entry.path) if not entry.is_dir() or entry.path in read_only else _layer(entry.path)
    except FileNotFoundError:
        return None


def _layer(path: str) -> Layer:
    return Layer(path, os.stat(path).st_mode & 0o7777)


def _own(path: str) -> bool:
    return any(at_or_below(path, own) for own in OWN_PATHS)


def _concealed(path: str) -> bool:
    """Whether a directory above it does not let everybody list what it holds."""
    try:
        return not all(os.stat(directory).st_mode & stat.S_IROTH for directory in _above(path))
    except OSError:
        return True


def _above(path: str) -> Iterator[str]:
    while path != "/":
        path = os.path.dirname(path)
        yield path


def _worth_hiding(hidden: Sequence[str]) -> tuple[str, ...]:
    # What is below an own path is not shown anyway; what is inside of another hidden one neither.
    shown = [path for path in hidden if not _own(path) and os.path.isdir(path)]
    return tuple(path for path in shown if not any(below(path, other) for other in shown))
