"""What the engine is told when it is made."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from engine.machine import Machine
from storage.credentials import DataCredential


class IsolationChoice(StrEnum):
    """How tasks are kept apart from the machine. AUTO takes the best of the three that need no image."""

    AUTO = "auto"
    OVERLAY = "overlay"
    BUBBLEWRAP = "bubblewrap"
    PLAIN = "plain"
    CONTAINERS = "containers"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """Settings of one engine.

    Shape: `root` is the engine's own directory; nobody else may use it, and nothing outside of it and of `data` is
    written (an output to a `file://` URL and a mount of a host path aside, which say themselves where they write).
    """

    root: Path
    # Where outputs stay for later tasks and workflows: a URL; empty for `<root>/data`.
    data: str = ""
    # What opens it, where it is an object store; None: the machine's own identity.
    data_key: DataCredential | None = field(default=None, repr=False)
    isolation: IsolationChoice = IsolationChoice.AUTO
    # Time between SIGTERM and SIGKILL, as Kubernetes gives it by default.
    grace_seconds: float = 30.0
    # None: what this machine has.
    machine: Machine | None = None
    # Directories of this machine that tasks are shown empty, beside `root`.
    hidden: tuple[Path, ...] = ()
    # What stands below a task's own environment; the engine's own environment is never handed on.
    base_environment: Mapping[str, str] = field(default_factory=lambda: default_environment())
    # The engine's own environment: to find programs and GPUs, never for tasks.
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    # podman or docker, by name or path; empty takes the first that is there.
    container_engine: str = ""
    # Directories that `file://` URLs of tasks may use; None for all that this process may.
    file_roots: tuple[Path, ...] | None = None
    # Where datasets stay for which nobody said another place; only they may be kept there although it is `hidden`.
    datasets: Path | None = None
    # Where contents that datasets brought from object stores are kept for the next time; None keeps nothing.
    cache: Path | None = None
    # Transfers at the same time.
    transfer_threads: int = 8
    # Sandboxes that are set up before they are needed: they hide most of the time that a start takes.
    spare_sandboxes: int = 2
    # Time in which another engine, or what is left of it, must give up `root` when this one starts.
    takeover_seconds: float = 20.0


def default_environment() -> dict[str, str]:
    """The environment of a task before its own variables: nothing that a shell of the user may have set."""
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": _home_directory(),
        "LANG": "C.UTF-8",
        "TERM": "xterm",
    }


def _home_directory() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return "/"
