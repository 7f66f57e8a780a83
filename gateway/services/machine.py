"""What this machine offers to tasks, for a gateway that is given no configuration."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from engine.machine import this_machine as measured
from pools.shipped import MachineResources


def this_machine(data_dir: Path) -> MachineResources:
    """The machine that the process runs on, as far as it may use it; its disk is that of the data directory."""
    machine = measured(os.environ)
    return MachineResources(
        hostname=machine.name,
        cpu_count=max(1, int(machine.cpu)),
        memory_bytes=machine.memory_bytes,
        storage_bytes=_disk_bytes(data_dir),
        gpu_count=len(machine.gpus),
    )


def _disk_bytes(directory: Path) -> int:
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    return shutil.disk_usage(existing).total
