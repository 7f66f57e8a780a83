"""Sandboxes as cells. Most tasks take one that stands, so that a start costs little more than a fork.

Some are set up beforehand, and one in which a task has left nothing at all serves the next task as it is.
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.cells.cell import WORKSPACE, CellFault, CellSpec, make_inputs, make_osmo
from engine.crashpoints import crash_point
from engine.directories import Directories
from engine.launching import BoxId, Command, CommandId, LauncherClient, LaunchFailure
from engine.sandbox.bubblewrap import BoxDirectory, Extras, make_directories, memory_directories, sandbox_argv
from engine.sandbox.layout import Layout, LayoutKind, read_only_layout
from engine.sandbox.placing import UnplaceableFile, fits_ready_sandbox, place
from engine.sandbox.recycling import Imprint
from storage.trees import Tree
from translator.lifecycle.words import ExitCode, TaskStatus

_log = logging.getLogger(__name__)

_OWN_HOME = "/osmo/run/home"
# A sandbox takes the processors for a few milliseconds, which a short task would feel.
_CALM_SECONDS = 0.004
# Those that come back after use beside those that were set up beforehand.
_MOST_STANDING = 16

OnBox = Callable[[int | LaunchFailure], None]


class Box:
    """One sandbox, being set up or standing. Shape: `first` is the pid of its first process once it stands."""

    def __init__(
        self,
        launcher: LauncherClient,
        argv: list[str],
        environment: Mapping[str, str],
        watched: Sequence[str],
        path: Path,
    ) -> None:
        self.path = path
        self.first: int | None = None
        self._launcher = launcher
        self._outcome: int | LaunchFailure | None = None
        self._on_open: OnBox | None = None
        self._number: BoxId = launcher.open_box(argv, environment, watched, self._opened)

    @property
    def number(self) -> BoxId:
        """What the launcher knows it by."""
        return self._number

    @property
    def failed(self) -> bool:
        """Whether it could not be set up."""
        return isinstance(self._outcome, LaunchFailure)

    def when_open(self, on_open: OnBox) -> None:
        """Call back when it stands or has failed, or now."""
        if self._outcome is not None:
            on_open(self._outcome)
        else:
            self._on_open = on_open

    def clear(self, on_cleared: Callable[[bool], None]) -> None:
        """Forget what ran in it; told is whether that has left nothing but files on disk."""
        self._launcher.clear_box(self._number, on_cleared)

    def close(self, on_closed: Callable[[], None]) -> None:
        """Kill everything in it."""
        self._on_open = None
        self._launcher.close_box(self._number, on_closed)

    def _opened(self, outcome: int | LaunchFailure) -> None:
        self._outcome = outcome
        self.first = None if isinstance(outcome, LaunchFailure) else outcome
        if self._on_open is not None:
            self._on_open(outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxTools:
    """What sandboxes are made with. Shape: `marker` marks their own processes."""

    launcher: LauncherClient
    directories: Directories
    program: str
    layout: Layout
    imprint: Imprint
    environment: Mapping[str, str]
    marker: str
    spares: int


class SandboxIsolation:
    """Sandboxes, some of them set up before they are needed."""

    def __init__(self, tools: SandboxTools) -> None:
        self._tools = tools
        self._spares: deque[Box] = deque()
        # Since when there are fewer than there should be.
        self._short_since: float | None = None
        variable, _, value = tools.marker.partition("=")
        self._holder_environment = {"PATH": tools.environment.get("PATH", os.defpath), variable: value}

    @property
    def name(self) -> str:
        """The kind of sandbox."""
        return f"sandbox ({self._tools.layout.kind})"

    @property
    def warning(self) -> str:
        """What of the machine cannot be changed by tasks."""
        if self._tools.layout.kind is LayoutKind.READ_ONLY:
            return "Tasks run in sandboxes that show this machine read-only: the kernel allows no copy-on-write layers"
        if paths := ", ".join(path for path in self._tools.layout.read_only_paths if os.access(path, os.W_OK)):
            return f"Tasks see these directories read-only: the kernel allows no copy-on-write layer over {paths}"
        return ""

    @property
    def base_environment(self) -> Mapping[str, str]:
        """As set; with a home that can be written."""
        if self._tools.layout.kind is LayoutKind.READ_ONLY:
            return {**self._tools.environment, "HOME": _OWN_HOME}
        return self._tools.environment

    def cell(self, spec: CellSpec) -> SandboxCell:
        """A cell that is not open yet."""
        return SandboxCell(self, self._tools.launcher, spec)

    def make_ready(self) -> float | None:
        """Set up sandboxes for tasks to come: not beside a task that has just begun, as long as there is one left."""
        self._spares = deque(box for box in self._spares if not box.failed)
        if len(self._spares) >= self._tools.spares:
            self._short_since = None
            return None
        now = time.monotonic()
        if self._short_since is None:
            self._short_since = now
        patience = self._short_since + _CALM_SECONDS - now
        if self._spares and patience > 0:
            return patience
        self._short_since = None
        while len(self._spares) < self._tools.spares:
            try:
                self._spares.append(self._spare())
            except OSError:
                # Not needed yet; the task that needs it will fail with the reason.
                _log.exception("No sandbox could be set up in advance")
                break
        return None

    def start_over(self) -> None:
        """Forget sandboxes that went with the launcher."""
        for box in self._spares:
            self._tools.directories.remove(box.path)
        self._spares.clear()

    def discard(self, box: Box, on_closed: Callable[[], None]) -> None:
        """Close a sandbox that no attempt owns, and remove what is of it."""

        def remove() -> None:
            self._tools.directories.remove(box.path)
            on_closed()

        box.close(remove)

    def take_back(self, box: Box) -> bool:
        """Have a sandbox for tasks to come in which nothing runs; whether it was left untouched, and is wanted."""
        if len(self._spares) >= _MOST_STANDING or not self._tools.imprint.fits(box.path):
            return False
        spare = self._tools.directories.new_spare()
        os.rename(box.path, spare)
        box.path = spare
        # The latest one is still in the processor's caches.
        self._spares.appendleft(box)
        return True

    def take_spare(self) -> Box | None:
        """A sandbox that stands, or is just being set up."""
        while self._spares:
            box = self._spares.popleft()
            if not box.failed:
                return box
        return None

    def make(self, directory: Path, spec: CellSpec) -> Box:
        """A sandbox for one task. Errors: OSError; UnplaceableFile."""
        layout, box = self._tools.layout, make_box(self._tools.layout, directory)
        placed = place(spec.files, layout, box)
        if placed.opened:
            layout = read_only_layout(layout.hidden, placed.opened)
        extras = Extras(
            mounts=[(mount.source, mount.destination) for mount in spec.task.mounts],
            files=placed.mounted,
            gpus=spec.gpus,
        )
        return self._box(layout, box, extras)

    def take_over(self, box: Box, spec: CellSpec) -> None:
        """Make a standing sandbox a task's own: what it writes lies with the attempt from now on.

        Shape: the task's files are all of the sandbox's own directories. Errors: OSError; UnplaceableFile.
        """
        # What is mounted stays mounted: the kernel holds directories, not names.
        os.rename(box.path, spec.box)
        box.path = spec.box
        place(spec.files, self._tools.layout, BoxDirectory(str(spec.box)))

    def _spare(self) -> Box:
        layout = self._tools.layout
        return self._box(layout, make_box(layout, self._tools.directories.new_spare()), Extras())

    def _box(self, layout: Layout, box: BoxDirectory, extras: Extras) -> Box:
        argv = sandbox_argv(self._tools.program, layout, box, extras)
        watched = memory_directories(layout)
        return Box(self._tools.launcher, argv, self._holder_environment, watched, Path(box.path))


def make_box(layout: Layout, directory: Path) -> BoxDirectory:
    """Make the directories of a sandbox in which nothing was written. Errors: OSError."""
    box = BoxDirectory(str(directory))
    make_directories(layout, box)
    make_osmo(box.osmo)
    if layout.kind is LayoutKind.READ_ONLY:
        os.mkdir(f"{box.path}{_OWN_HOME}")
    return box


class SandboxCell:
    """One attempt's sandbox; its commands all run in the same one, so what they write stays for the next."""

    def __init__(self, isolation: SandboxIsolation, launcher: LauncherClient, spec: CellSpec) -> None:
        self._isolation = isolation
        self._launcher = launcher
        self._spec = spec
        self._box: Box | None = None
        self._own = False
        self._command: CommandId | None = None

    def open(self, on_open: Callable[[CellFault | None], None]) -> None:
        """Take a sandbox that stands, or set one up where the task needs something of its own."""
        spec = self._spec
        if missing := [mount.source for mount in spec.task.mounts if not os.path.exists(mount.source)]:
            on_open(_fault(f"The path to mount is not there on this machine: {', '.join(missing)}"))
            return
        self._own = bool(spec.task.mounts or spec.gpus) or not fits_ready_sandbox(spec.files)
        self._box = None if self._own else self._isolation.take_spare()
        if self._box is None:
            try:
                self._box = self._isolation.make(spec.box, spec)
            except (OSError, UnplaceableFile) as error:
                on_open(_fault(str(error)))
                return
        self._box.when_open(lambda outcome: on_open(self._settle(outcome)))

    def _settle(self, outcome: int | LaunchFailure) -> CellFault | None:
        """Finish the directories of a sandbox that stands."""
        if isinstance(outcome, LaunchFailure):
            return _fault(f"The sandbox could not be set up: {outcome.reason}")
        crash_point("sandbox.stands")
        spec, box = self._spec, self._box
        try:
            if box is not None and box.path != spec.box:
                self._isolation.take_over(box, spec)
            make_inputs(spec.box / "osmo", spec.task.inputs)
        except (OSError, UnplaceableFile) as error:
            return _fault(str(error))
        return None

    def start(
        self,
        outputs: tuple[int, int],
        on_started: Callable[[int | LaunchFailure], None],
        on_ended: Callable[[int], None],
    ) -> None:
        """Start the command in the sandbox."""
        if self._command is not None:
            self._launcher.release(self._command, lambda: None)
        assert self._box is not None
        command = Command(
            argv=self._spec.command.argv,
            environment=self._spec.command.environment,
            directory=WORKSPACE,
            box=self._box.number,
            privileged=self._spec.task.privileged,
        )
        self._command = self._launcher.start(command, outputs, on_started, on_ended)

    def signal(self, number: int) -> None:
        """Signal the command's process group."""
        if self._command is not None:
            self._launcher.signal(self._command, number)

    @contextmanager
    def view(self, path: str) -> Iterator[tuple[Tree, str]]:
        """The sandbox's file system, through its first process."""
        first = None if self._box is None else self._box.first
        with Tree.open(Path(f"/proc/{first}/root"), known_as=("/",)) as tree:
            yield tree, path

    def close(self, on_closed: Callable[[], None], *, keep_files: bool) -> None:
        """Kill everything in the sandbox, or leave it to the next task as it was."""
        box = self._box
        if box is None:
            on_closed()
        elif box.path != self._spec.box:
            self._isolation.discard(box, on_closed)
        elif keep_files or self._own or self._spec.task.privileged or self._command is None:
            box.close(on_closed)
        else:
            box.clear(lambda cleared: self._cleared(box, on_closed, cleared))

    def _cleared(self, box: Box, on_closed: Callable[[], None], cleared: bool) -> None:
        if cleared and self._isolation.take_back(box):
            on_closed()
        else:
            box.close(on_closed)


def _fault(message: str) -> CellFault:
    return CellFault(TaskStatus.FAILED_START_ERROR, ExitCode.START_ERROR, message)
