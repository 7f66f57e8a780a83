"""Where the injected files of a task go, so that the sandbox shows them at their exact paths.

A path of the sandbox is mapped to the directory that the sandbox writes that part of its file system to. That must be
done before it is set up: the kernel forbids changes beneath a layer in use.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.files import File
from engine.sandbox.bubblewrap import BoxDirectory
from engine.sandbox.layout import Layer, Layout, LayoutKind
from engine.sandbox.mounts import at_or_below, below


class UnplaceableFile(Exception):
    """A file cannot be put at the path that was asked for; the message says why."""


@dataclass(slots=True)
class Placed:
    """What is left to the command line: files to mount, and directories that must be the sandbox's own."""

    mounted: list[tuple[str, str]] = field(default_factory=list)
    opened: set[str] = field(default_factory=set)


def fits_ready_sandbox(files: Sequence[File]) -> bool:
    """Whether files can be put into a sandbox that is set up already: they go to its own directories."""
    return all(below(file.absolute, "/osmo") or below(file.absolute, "/tmp") for file in files)


def place(files: Sequence[File], layout: Layout, box: BoxDirectory) -> Placed:
    """Write files to where the sandbox will show them. Errors: UnplaceableFile; OSError."""
    placed = Placed()
    for index, file in enumerate(files):
        path = file.absolute
        for own, directory in (("/osmo", box.osmo), ("/tmp", box.temporary)):
            if below(path, own):
                _write(directory, path.removeprefix(own), own, file.contents)
                break
        else:
            _place_elsewhere(index, file, layout, box, placed)
    return placed


def _place_elsewhere(index: int, file: File, layout: Layout, box: BoxDirectory, placed: Placed) -> None:
    path = os.path.realpath(file.absolute)
    if os.path.isdir(path) or path in ("/osmo", "/tmp"):
        raise UnplaceableFile(f"{file.path} is a directory of this machine; choose the path of a file")
    if any(at_or_below(path, virtual) for virtual in ("/proc", "/sys")):
        raise UnplaceableFile(f"{file.path} is in a file system of the kernel; choose another directory")
    for own, directory in (("/osmo", box.osmo), ("/tmp", box.temporary)):
        if below(path, own):
            _write(directory, path.removeprefix(own), own, file.contents)
            return
    holder = _holder(path, layout)
    if below(path, "/dev") or (holder is None and layout.kind is LayoutKind.READ_ONLY):
        os.makedirs(box.files, exist_ok=True)
        _write(box.files, str(index), "", file.contents)
        placed.mounted.append((f"{box.files}/{index}", path))
        if not below(path, "/dev"):
            placed.opened.add(os.path.dirname(path))
    elif holder is None:
        if any(at_or_below(path, shown) for shown in layout.read_only_paths):
            raise UnplaceableFile(f"{file.path} is in a directory that cannot be written; choose another directory")
        _write(box.root, path, "/", file.contents)
    else:
        number, layer = holder
        _write(box.upper(number), path.removeprefix(layer.path.rstrip("/")), layer.path, file.contents)


def _holder(path: str, layout: Layout) -> tuple[int, Layer] | None:
    """The innermost piece that a path stands in, if that is a layer, with its index among the layers."""
    around = [piece for piece in layout.pieces if at_or_below(path, piece.path)]
    innermost = max(around, key=lambda piece: len(piece.path), default=None)
    return (layout.layers.index(innermost), innermost) if isinstance(innermost, Layer) else None


def _write(directory: str, relative: str, shown_at: str, contents: bytes) -> None:
    """Write a file below a directory that stands for `shown_at`; directories in between look as on the machine."""
    *above, name = [part for part in relative.split("/") if part]
    for part in above:
        directory, shown_at = f"{directory}/{part}", os.path.join(shown_at, part)
        if not os.path.isdir(directory):
            os.mkdir(directory)
            _look_as(directory, shown_at)
    descriptor = os.open(f"{directory}/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644)
    with open(descriptor, "wb") as file:
        file.write(contents)
        os.fchmod(descriptor, 0o644)


def _look_as(directory: str, original: str) -> None:
    if any(at_or_below(original, own) for own in ("/osmo", "/tmp")):
        return
    try:
        status = os.stat(original)
    except OSError:
        return
    if stat.S_ISDIR(status.st_mode):
        os.chmod(directory, status.st_mode & 0o7777 | 0o700)
        if os.geteuid() == 0:
            os.chown(directory, status.st_uid, status.st_gid)
