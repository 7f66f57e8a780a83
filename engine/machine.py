"""What this machine offers to tasks, in the units of resource requests."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_GPU_DEVICE = re.compile(r"nvidia([0-9]+)")
_UNLIMITED_BYTES = 1 << 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One machine. Shape: `gpus` are ids as in `CUDA_VISIBLE_DEVICES`. Units: cpu in cores, memory in bytes."""

    name: str
    cpu: float
    memory_bytes: int
    gpus: tuple[str, ...] = ()


def this_machine(environ: Mapping[str, str]) -> Machine:
    """The machine of this process, as far as it may use it: its CPU set, its control group's memory, its GPUs.

    Shape: of `environ` only CUDA_VISIBLE_DEVICES matters.
    """
    return Machine(
        name=socket.gethostname() or "localhost",
        cpu=float(_usable_cpus()),
        memory_bytes=min(_physical_memory(), memory_limit(Path("/sys/fs/cgroup"))),
        gpus=visible_gpus(Path("/dev"), environ.get("CUDA_VISIBLE_DEVICES")),
    )


def visible_gpus(devices: Path, visible: str | None) -> tuple[str, ...]:
    """The GPUs that stand in a device directory and are not hidden, by rising number.

    Shape: `visible` as in CUDA_VISIBLE_DEVICES, which ends at the first entry that names no device.
    """
    try:
        found = sorted(int(match[1]) for name in os.listdir(devices) if (match := _GPU_DEVICE.fullmatch(name)))
    except OSError:
        return ()
    if visible is None:
        return tuple(map(str, found))
    named = [part.strip() for part in visible.split(",")]
    usable = next((index for index, part in enumerate(named) if part in ("", "-1")), len(named))
    return tuple(named[: min(usable, len(found))])


def memory_limit(control_group: Path) -> int:
    """The memory that a control group (version 2 or 1) grants. Units: bytes; very large where nothing limits it."""
    for file in ("memory.max", "memory/memory.limit_in_bytes"):
        try:
            text = (control_group / file).read_text("ascii").strip()
        except OSError:
            continue
        return int(text) if text.isdigit() else _UNLIMITED_BYTES
    return _UNLIMITED_BYTES


def _usable_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _physical_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
