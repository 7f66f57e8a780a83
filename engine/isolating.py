"""Which way to isolate tasks this machine allows: tried out, not assumed."""

from __future__ import annotations

import os
import re
import select
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.cells.cell import Isolation
from engine.cells.container import ContainerIsolation, NoContainerEngine, find_container_engine
from engine.cells.process import ProcessIsolation
from engine.cells.sandbox import SandboxIsolation, SandboxTools, make_box
from engine.directories import Directories, remove_tree
from engine.launching import Command, LauncherClient, LaunchFailure
from engine.sandbox.bubblewrap import Extras, find_bubblewrap, memory_directories, sandbox_argv
from engine.sandbox.layout import Layout, LayoutKind, pieces_layout, read_only_layout, whole_layout
from engine.sandbox.mounts import parse_mounts
from engine.sandbox.recycling import Imprint
from engine.settings import EngineSettings, IsolationChoice
from engine.strays import marker
from engine.tools import Tools

_PATIENCE_SECONDS = 10.0
_LAYER_FAILURE = re.compile(r"overlay mount on /newroot(/\S*) with")
_MAX_FLAT_DIRECTORIES = 40


class IsolationUnavailable(Exception):
    """The isolation that was asked for cannot be had; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What isolations are made from."""

    settings: EngineSettings
    launcher: LauncherClient
    tools: Tools
    directories: Directories
    gpus: bool


def chosen_isolation(around: Surroundings) -> Isolation:
    """The isolation that the settings ask for, or the best there is. Errors: IsolationUnavailable."""
    choice = around.settings.isolation
    match choice:
        case IsolationChoice.CONTAINERS:
            return _containers(around)
        case IsolationChoice.PLAIN:
            return _plain(around, "")
        case IsolationChoice.AUTO | IsolationChoice.OVERLAY | IsolationChoice.BUBBLEWRAP:
            outcome = _sandbox(around)
            if isinstance(outcome, SandboxIsolation):
                return outcome
            if choice is IsolationChoice.AUTO:
                return _plain(around, outcome)
            raise IsolationUnavailable(
                f"Tasks cannot be isolated as asked for ({choice}): {outcome}. "
                "Allow user namespaces, or choose another isolation"
            )


def _containers(around: Surroundings) -> Isolation:
    environ = around.settings.environ
    try:
        program = find_container_engine(around.settings.container_engine, environ)
    except NoContainerEngine as error:
        raise IsolationUnavailable(str(error)) from error
    isolation = ContainerIsolation(
        launcher=around.launcher,
        tools=around.tools,
        program=program,
        identity=around.directories.identity,
        environ=environ,
    )
    isolation.end_strays()
    return isolation


def _plain(around: Surroundings, reason: str) -> Isolation:
    return ProcessIsolation(
        launcher=around.launcher,
        environment=around.settings.base_environment,
        reason=reason,
        hides_gpus=around.gpus,
    )


def _sandbox(around: Surroundings) -> SandboxIsolation | str:
    """Sandboxes of the first kind that works, or why none does."""
    failure = "bubblewrap is not installed"
    for program in find_bubblewrap(around.settings.environ):
        for layout in _layouts(around):
            outcome = _tried(around, program, layout)
            if isinstance(outcome, _Tried):
                return SandboxIsolation(
                    SandboxTools(
                        launcher=around.launcher,
                        directories=around.directories,
                        program=program,
                        layout=outcome.layout,
                        imprint=outcome.imprint,
                        environment=around.settings.base_environment,
                        marker=marker(around.directories.identity, "sandbox"),
                        spares=around.settings.spare_sandboxes,
                    )
                )
            failure = outcome.reason
    return failure


def _layouts(around: Surroundings) -> Iterator[Layout]:
    try:
        mounts = parse_mounts(Path("/proc/self/mountinfo").read_text())
    except OSError:
        return
    hidden = [os.path.realpath(path) for path in (around.directories.root, *around.settings.hidden)]
    if around.settings.isolation is not IsolationChoice.BUBBLEWRAP:
        if os.geteuid() == 0:
            yield whole_layout(mounts, hidden, around.settings.environ.get("HOME", ""))
        yield pieces_layout(mounts, hidden)
    if around.settings.isolation is not IsolationChoice.OVERLAY:
        yield read_only_layout(hidden)


@dataclass(frozen=True, slots=True)
class _Tried:
    """A layout that works here, and what a sandbox of it leaves when nothing was written in it."""

    layout: Layout
    imprint: Imprint


def _tried(around: Surroundings, program: str, layout: Layout) -> _Tried | LaunchFailure:
    """The layout as it works here: with directories read-only that the kernel cannot layer; or why it does not."""
    for _ in range(_MAX_FLAT_DIRECTORIES):
        outcome = _try_once(around, program, layout)
        if isinstance(outcome, Imprint):
            return _Tried(layout, outcome)
        refused = _LAYER_FAILURE.search(outcome.reason)
        path = refused[1].rstrip("/") if refused is not None else ""
        if not path or layout.kind is LayoutKind.READ_ONLY or not any(path == layer.path for layer in layout.layers):
            return outcome
        layout = layout.without_layer(path)
    return LaunchFailure("too many directories cannot be layered")


def _try_once(around: Surroundings, program: str, layout: Layout) -> LaunchFailure | Imprint:
    """Set up a sandbox, run a command in it as a task's would be, and see what is left; then end it."""
    launcher, box = around.launcher, make_box(layout, around.directories.new_spare())
    outcomes: list[int | LaunchFailure] = []
    environment = {"PATH": around.settings.base_environment.get("PATH", os.defpath)}
    argv = sandbox_argv(program, layout, box, Extras())
    number = launcher.open_box(argv, environment, memory_directories(layout), outcomes.append)
    _settle(launcher, lambda: bool(outcomes))
    failure = outcomes[0] if outcomes and isinstance(outcomes[0], LaunchFailure) else None
    if failure is None:
        command = Command(argv=["true"], environment=environment, directory="/tmp", box=number)
        null = os.open(os.devnull, os.O_WRONLY)
        results: list[int | LaunchFailure] = []

        def started(outcome: int | LaunchFailure) -> None:
            if isinstance(outcome, LaunchFailure):
                results.append(outcome)

        started_command = launcher.start(command, (null, os.dup(null)), started, results.append)
        _settle(launcher, lambda: bool(results))
        if not results or results[0] != 0:
            failure = LaunchFailure(f"a command could not be run in the sandbox: {results or 'no answer'}")
        launcher.release(started_command, lambda: None)
    try:
        return failure or Imprint.of(Path(box.path))
    except (OSError, ValueError):
        # Nothing will be like it, and no sandbox is used twice.
        return Imprint({})
    finally:
        closed: list[bool] = []
        launcher.close_box(number, lambda: closed.append(True))
        _settle(launcher, lambda: bool(closed))
        remove_tree(Path(box.path))


def _settle(launcher: LauncherClient, settled: Callable[[], bool]) -> None:
    """Take replies until something is so, or patience is over."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    poll = select.poll()
    while not settled() and (left := deadline - time.monotonic()) > 0:
        poll.register(launcher.fileno(), select.POLLIN | (select.POLLOUT if launcher.wants_to_write else 0))
        if poll.poll(left * 1000):
            launcher.on_writable()
            launcher.on_readable()
