"""What is looked at on the gateway's own machine, apart from database and isolation."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gateway.services.doctor_findings import Finding, ok, problem, warning
from gateway.settings import Settings, SettingsError, check_exposure

OLDEST_PYTHON = (3, 11)
_GIB = 1024**3
_LITTLE_DISK_BYTES = 2 * _GIB


def machine_findings(settings: Settings, python: tuple[int, ...] = tuple(sys.version_info[:3])) -> Iterator[Finding]:
    """Python, data directory, disk and address, in this order."""
    yield _python(python)
    yield from _data_dir(settings.data_dir)
    yield from _address(settings)


def _python(version: tuple[int, ...]) -> Finding:
    text = ".".join(map(str, version))
    if version < OLDEST_PYTHON:
        return problem("python", f"Python {text}", "Install Python 3.11 or newer and argosmo into it anew.")
    return ok("python", f"Python {text}")


def _data_dir(directory: Path) -> Iterator[Finding]:
    # What does not exist yet is not created: the gateway will, where it may write above it.
    existing = next(path for path in (directory.absolute(), *directory.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        yield problem(
            "data-dir",
            f"{existing} cannot be written: {error.strerror or error}.",
            f"Give it to yourself with `chown -R {os.geteuid()} {existing}`, or choose another with --data-dir.",
        )
        return
    yield ok("data-dir", f"{directory} can be written.")
    free = shutil.disk_usage(existing).free
    if free < _LITTLE_DISK_BYTES:
        advice = f"Free some space (`du -sh {existing}/*` shows what takes it), or choose another --data-dir."
        yield warning("disk", f"{free / _GIB:.1f} GiB are free below {directory}.", advice)
    else:
        yield ok("disk", f"{free / _GIB:.0f} GiB are free below {directory}.")


def _address(settings: Settings) -> Iterator[Finding]:
    try:
        check_exposure(settings)
    except SettingsError as error:
        yield problem("address", str(error), "Set ARGOSMO_HOST=127.0.0.1, or configure authentication.")
        return
    host = settings.host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    shown = f"{settings.host}:{settings.port}"
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, settings.port))
            yield ok("address", f"{shown} is free.")
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                advice = f"If it is not your gateway (`curl -s http://{shown}/health`), choose another --port."
                yield warning("address", f"Something listens on {shown}.", advice)
            else:
                text = f"{shown} cannot be listened on: {error.strerror or error}."
                yield problem("address", text, "Choose an address of this machine and a port above 1023.")
