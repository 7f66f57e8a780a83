"""How a command is started in a sandbox without a fork of the launcher: its thread goes in, starts it, and comes back.

That is several times as fast, and possible where the sandbox has no user namespace of its own, since nobody gets back
out of one: so for root. Source: setns(2), capabilities(7).
"""

from __future__ import annotations

import os

from engine.launcher import linux
from engine.launcher.limits import allow_many_descriptors, restore_limit
from engine.launcher.starting import Start, spawn

_OWN = "/proc/thread-self"


def can_visit() -> bool:
    """Whether this process may leave its mounts and come back to them."""
    return linux.LINUX and os.geteuid() == 0


class Visitor:
    """The launcher's own thread, from here on apart from the others in mounts, directory and capabilities.

    What it starts may have what container engines leave to root, and no more.
    """

    def __init__(self) -> None:
        self._null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self._root = os.open("/", os.O_PATH | os.O_CLOEXEC)
        self._mounts = os.open(f"{_OWN}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        self._processes = os.open(f"{_OWN}/ns/pid_for_children", os.O_RDONLY | os.O_CLOEXEC)
        linux.separate_directory()
        linux.drop_capabilities()

    def start(self, start: Start) -> int:
        """The pid of a command that was started in a sandbox. Errors: OSError, which names the program."""
        mounts = os.open(f"/proc/{start.inside}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        try:
            processes = os.open(f"/proc/{start.inside}/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
            try:
                pid = self._visit(start, mounts, processes)
            finally:
                os.close(processes)
        finally:
            os.close(mounts)
        linux.prefer_for_killing(pid)
        return pid

    def _visit(self, start: Start, mounts: int, processes: int) -> int:
        restore_limit()
        try:
            linux.enter(processes)
            linux.enter(mounts)
            os.chdir(start.directory)
            return spawn(start, self._null)
        except OSError as error:
            raise OSError(error.errno, f"{start.argv[0]}: {error.strerror}") from error
        finally:
            self._come_back()
            allow_many_descriptors()

    def _come_back(self) -> None:
        try:
            linux.enter(self._processes)
            linux.enter(self._mounts)
            os.fchdir(self._root)
            os.chroot(".")
        except OSError as error:
            # In the wrong place nothing may be done. The engine sees that its launcher is gone and takes a new one.
            raise SystemExit(f"The launcher did not find back out of a sandbox: {error}") from error
