"""Processes that an engine left behind when it was killed, found by a marker in their environment, and ended.

A process is signalled by a descriptor that was opened before it was looked at, so a reused id is never hit.
"""

from __future__ import annotations

import os
import signal
import time

MARKER_VARIABLE = "ARGOSMO_ATTEMPT"
_POLL_SECONDS = 0.005


def marker(root_identity: str, attempt: str) -> str:
    """The whole `NAME=value` that marks processes of an attempt."""
    return f"{MARKER_VARIABLE}={root_identity}/{attempt}"


def end_strays(root_identity: str, *, patience_seconds: float = 10.0) -> int:
    """Kill every process that carries a marker of this root, and return how many there were.

    Returns when none is left, or patience is at its end (a process may be stuck in the kernel). Nothing on machines
    without /proc.
    """
    prefix = f"{MARKER_VARIABLE}={root_identity}/".encode()
    ended: set[int] = set()
    deadline = time.monotonic() + patience_seconds
    while found := [pid for pid in _processes() if _kill_if_marked(pid, prefix)]:
        ended.update(found)
        if time.monotonic() > deadline:
            break
        time.sleep(_POLL_SECONDS)
    return len(ended)


def start_ticks(pid: int) -> int:
    """When a process started, in ticks since boot: with its pid the only name that is not reused; 0 if unknown."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The name before it may hold blanks and parentheses.
            return int(file.read().rpartition(b")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return 0


def end_recorded(pid: int, started_ticks: int) -> bool:
    """Kill a process if it still is the one that started then; whether it was."""
    if pid <= 1 or not started_ticks:
        return False
    try:
        process = _opened(pid)
    except OSError:
        return False
    try:
        if start_ticks(pid) != started_ticks:
            return False
        _signal(process, pid)
    except OSError:
        return False
    finally:
        _close(process)
    return True


def _processes() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdecimal() and int(name) != os.getpid()]
    except OSError:
        return []


def _kill_if_marked(pid: int, prefix: bytes) -> bool:
    try:
        process = _opened(pid)
    except OSError:
        return False
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            marked = any(entry.startswith(prefix) for entry in file.read().split(b"\0"))
        if marked:
            _signal(process, pid)
    except OSError:
        return False
    finally:
        _close(process)
    return marked


def _opened(pid: int) -> int:
    # Kernels before 5.3 have no such descriptors; then the moment between look and signal remains.
    return os.pidfd_open(pid) if hasattr(os, "pidfd_open") else -1


def _signal(process: int, pid: int) -> None:
    if process >= 0:
        signal.pidfd_send_signal(process, signal.SIGKILL)
    else:
        os.kill(pid, signal.SIGKILL)


def _close(process: int) -> None:
    if process >= 0:
        os.close(process)
