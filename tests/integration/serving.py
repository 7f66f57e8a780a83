"""A gateway as a command, for tests of other commands."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

READY = "argosmo listens on "


@contextmanager
def served(directory: Path) -> Iterator[str]:
    """The address of `argosmo serve` on an empty directory. At the end it gets SIGTERM, and must end by it."""
    command = [sys.executable, "-m", "cli", "serve", "--port", "0", "--data-dir", str(directory)]
    log = (directory / "log").open("wb")
    with log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line.startswith(READY), (directory / "log").read_text()
            yield line.removeprefix(READY).strip()
        finally:
            process.send_signal(signal.SIGTERM)
            # Tasks are ended and recorded, no process is left.
            assert process.wait(timeout=60) in (0, -signal.SIGTERM)
