"""Plain processes, where this machine allows nothing better.

A task sees the machine as it is and may write wherever the user may. Its own paths (`/osmo`, `/tmp` and those of its
files) are moved into its directory by rewriting them in its command line, its environment and the text of its files.
Paths that a program puts together while it runs are not found, nor are those in the files it reads.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.cells.cell import WORKSPACE, CellFault, CellSpec, make_inputs, make_osmo
from engine.files import File
from engine.launching import Command, CommandId, LauncherClient, LaunchFailure
from engine.sandbox.mounts import below
from storage.trees import Tree
from translator.lifecycle.words import ExitCode, TaskStatus

# What may stand before and after a path for it to be that path, and not a part of a longer one: nothing that could be
# the beginning of a path, save an option of one letter (-I/osmo/include) or the scheme of a URL.
_BEFORE = r"(?:(?<![\w./~})*-])|(?<=\s-[A-Za-z])|(?<=\A-[A-Za-z])|(?<=file://))"
_AFTER = r"(?![\w-]|\.\w)"


class PathRewriter:
    """Replaces paths of the task's world by those where they are. Shape: `moved` is keyed by absolute path."""

    def __init__(self, moved: Mapping[str, str]) -> None:
        self._moved = dict(moved)
        # The longest first, so that a file below a moved directory is itself found.
        paths = sorted(self._moved, key=lambda path: (-len(path), path))
        self._pattern = re.compile(_BEFORE + "(" + "|".join(map(re.escape, paths)) + ")" + _AFTER)

    def text(self, text: str) -> str:
        """The text with every moved path replaced."""
        return self._pattern.sub(lambda match: self._moved[match[1]], text)

    def contents(self, contents: bytes) -> bytes:
        """The contents of a file, rewritten where they are text."""
        try:
            return self.text(contents.decode()).encode()
        except UnicodeDecodeError:
            return contents


@dataclass(frozen=True, slots=True)
class ProcessIsolation:
    """No isolation but a directory, a process group, and the launcher's watch over whatever they leave behind."""

    launcher: LauncherClient
    environment: Mapping[str, str]
    reason: str
    hides_gpus: bool

    name = "plain"

    @property
    def warning(self) -> str:
        """Why, and what that means."""
        because = f" ({self.reason})" if self.reason else ""
        return (
            f"Tasks run as plain processes{because}: they can change files of this machine, "
            "and only paths known beforehand are moved into their directories"
        )

    @property
    def base_environment(self) -> Mapping[str, str]:
        """As set; home and temporary files are the task's own, and GPUs that it did not get are out of sight."""
        own = {"HOME": "/osmo/run/home", "TMPDIR": "/tmp"}
        return {**self.environment, **own, **({"CUDA_VISIBLE_DEVICES": ""} if self.hides_gpus else {})}

    def cell(self, spec: CellSpec) -> ProcessCell:
        """A cell that is not open yet."""
        return ProcessCell(self.launcher, spec)

    def make_ready(self) -> float | None:
        """Nothing to prepare."""
        return None

    def start_over(self) -> None:
        """Nothing is kept here."""


class ProcessCell:
    """A directory and a process group."""

    def __init__(self, launcher: LauncherClient, spec: CellSpec) -> None:
        self._launcher = launcher
        self._spec = spec
        self._command: CommandId | None = None
        self._rewriter = PathRewriter(
            {
                **{mount.destination: mount.source for mount in spec.task.mounts},
                **dict(_moved_files(spec)),
                "/osmo": str(spec.box / "osmo"),
                "/tmp": str(spec.box / "tmp"),
            }
        )

    def open(self, on_open: Callable[[CellFault | None], None]) -> None:
        """Make the directories and the files."""
        box = self._spec.box
        try:
            for directory in (box, box / "osmo", box / "tmp", box / "files"):
                directory.mkdir()
            make_osmo(box / "osmo")
            make_inputs(box / "osmo", self._spec.task.inputs)
            (box / "osmo/run/home").mkdir()
            self._write_files()
        except (OSError, ValueError) as error:
            on_open(CellFault(TaskStatus.FAILED_START_ERROR, ExitCode.START_ERROR, str(error)))
        else:
            on_open(None)

    def start(
        self,
        outputs: tuple[int, int],
        on_started: Callable[[int | LaunchFailure], None],
        on_ended: Callable[[int], None],
    ) -> None:
        """Start the command, with rewritten paths."""
        if self._command is not None:
            self._launcher.release(self._command, lambda: None)
        text = self._rewriter.text
        variable, _, value = self._spec.marker.partition("=")
        environment = {name: text(value) for name, value in self._spec.command.environment.items()}
        command = Command(
            argv=[text(word) for word in self._spec.command.argv],
            environment={**environment, variable: value},
            directory=text(WORKSPACE),
            marker=self._spec.marker,
        )
        self._command = self._launcher.start(command, outputs, on_started, on_ended)

    def signal(self, number: int) -> None:
        """Signal the command's process group."""
        if self._command is not None:
            self._launcher.signal(self._command, number)

    @contextmanager
    def view(self, path: str) -> Iterator[tuple[Tree, str]]:
        """The machine's own file system, at the rewritten path."""
        with Tree.open(Path("/"), known_as=("/",)) as tree:
            yield tree, self._rewriter.text(path)

    def close(self, on_closed: Callable[[], None], *, keep_files: bool) -> None:
        """Kill the group, and what was started in it and left it."""
        if self._command is None:
            on_closed()
        else:
            self._launcher.release(self._command, on_closed)

    def _write_files(self) -> None:
        for file in self._spec.files:
            target = _target(self._spec.box, file)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self._rewriter.contents(file.contents))
            target.chmod(0o644)


def _target(box: Path, file: File) -> Path:
    """Where a file is written: with the task's own files where it stands among them."""
    return box / file.absolute[1:] if _among_own(file) else box / "files" / file.absolute[1:]


def _among_own(file: File) -> bool:
    return below(file.absolute, "/osmo") or below(file.absolute, "/tmp")


def _moved_files(spec: CellSpec) -> Iterator[tuple[str, str]]:
    """What is to be rewritten for injected files: the file, or the outermost directory above it that is not there."""
    for file in spec.files:
        if _among_own(file):
            continue
        path = file.absolute
        while not os.path.exists(os.path.dirname(path)):
            path = os.path.dirname(path)
        yield path, str(spec.box / "files" / path[1:])
