"""The port between attempts and the ways to isolate them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from engine.environment import CommandLine
from engine.files import File
from engine.launching import LaunchFailure
from storage.trees import Tree
from translator.lifecycle.words import TaskStatus
from translator.plan.model import AnyInput, TaskPlan

WORKSPACE = "/osmo/run/workspace"
BOX = "box"
"""The directory of an attempt in which everything lies that it writes."""


@dataclass(frozen=True, kw_only=True)
class CellSpec:
    """What a cell is made for.

    Shape: `directory` exists and is the attempt's; `name` is unique on this machine and a plain word; `marker` is a
    whole `NAME=value` for the environment of processes.
    """

    directory: Path
    name: str
    marker: str
    task: TaskPlan
    command: CommandLine
    files: Sequence[File]
    gpus: Sequence[str]

    @cached_property
    def box(self) -> Path:
        """Everything that the attempt writes."""
        return self.directory / BOX


@dataclass(frozen=True, slots=True)
class CellFault:
    """Why a cell cannot be opened, in the words of a task's end."""

    status: TaskStatus
    exit_code: int
    message: str


class Cell(Protocol):
    """One attempt's place.

    Contract: `open` once, then `start` any number of times, each after the command before has ended; `close` once, at
    any time, also while opening, and nothing after it. Calls back on the engine's thread.
    """

    def open(self, on_open: Callable[[CellFault | None], None]) -> None:
        """Prepare everything but the command; its `/osmo` exists on the machine when `on_open` is called."""

    def start(
        self,
        outputs: tuple[int, int],
        on_started: Callable[[int | LaunchFailure], None],
        on_ended: Callable[[int], None],
    ) -> None:
        """Start the command with (stdout, stderr), taken over. `on_ended` gets its code, or minus its signal."""

    def signal(self, number: int) -> None:
        """Signal the command's process group."""

    def view(self, path: str) -> AbstractContextManager[tuple[Tree, str]]:
        """The tree, and the path in it, that the task knows as `path`. Any thread. Errors: OSError."""

    def close(self, on_closed: Callable[[], None], *, keep_files: bool) -> None:
        """End everything that still runs; `on_closed` when nothing does.

        Shape: with `keep_files` what it wrote stays at its place; else it may be gone already.
        """


class Isolation(Protocol):
    """A way to isolate attempts.

    Shape: `warning` says in one line what is less than a copy-on-write sandbox, empty where nothing is;
    `base_environment` is what stands below a task's own.
    """

    @property
    def name(self) -> str:
        """For people."""

    @property
    def warning(self) -> str:
        """For the log, once."""

    @property
    def base_environment(self) -> Mapping[str, str]:
        """What programs find beside what the task defines."""

    def cell(self, spec: CellSpec) -> Cell:
        """A cell that is not open yet."""

    def make_ready(self) -> float | None:
        """Prepare for cells to come. Units: seconds after which this wants to be asked again, None: need not be."""

    def start_over(self) -> None:
        """Take note that the launcher is a new one, and whatever ran is gone."""


def make_osmo(osmo: str | Path) -> None:
    """Make the directories below `/osmo` that every task finds. Source: workflow-spec.md §6.1."""
    for directory in ("data", "data/input", "run", "login", "login/config"):
        os.mkdir(f"{osmo}/{directory}")
    for directory in ("data/output", "run/workspace"):
        _make_open(f"{osmo}/{directory}")


def make_inputs(osmo: Path, inputs: Sequence[AnyInput]) -> None:
    """Make the directories that inputs are downloaded to."""
    for entry in inputs:
        _make_open(f"{osmo}/data/input/{entry.index}")


def _make_open(directory: str) -> None:
    os.mkdir(directory)
    # An image may run as any user. The umask would take the right away from mkdir.
    os.chmod(directory, 0o777)
