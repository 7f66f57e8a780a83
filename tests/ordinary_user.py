"""Programs run as a user without rights, also where the tests run as root, who may write everywhere.

As a program, `python -m tests.ordinary_user UID ARGV…` gives up root for good and becomes ARGV. An interpreter or a
project in a directory that only root may enter (`/root`) is shown to it by mounts that nobody else sees.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]

# No program that users start ends with it.
_CANNOT = 125
_CLONE_NEWNS = 0x00020000
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdinaryUser:
    """A user and the only directory that is theirs. Shape: `alone` where nothing else on the machine has this uid."""

    uid: int
    home: Path
    alone: bool

    def run(self, *argv: str | Path, cwd: Path, timeout_seconds: float) -> subprocess.CompletedProcess[str]:
        """What the program did, in an environment with the project and the home and nothing else."""
        became = [sys.executable, "-m", "tests.ordinary_user", str(self.uid)] if self.alone else []
        return subprocess.run(
            [*became, *map(str, argv)],
            check=False,
            capture_output=True,
            text=True,
            cwd=cwd,
            env=self._environment(),
            timeout=timeout_seconds,
        )

    def owns(self, directory: str) -> list[str]:
        """The entries of a directory that belong to this user, the home aside."""
        try:
            entries = list(os.scandir(directory))
        except OSError:
            return []
        return [each.path for each in entries if each.path != str(self.home) and _owner(each) == self.uid]

    def _environment(self) -> Mapping[str, str]:
        return {
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PATH": os.environ.get("PATH", os.defpath),
            # What Python keeps of the modules that it compiled is not what these tests look for.
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(REPOSITORY),
        }


@contextmanager
def ordinary_user() -> Iterator[OrdinaryUser]:
    """A user for one test: who runs the tests, or for root one that has no account and owns nothing.

    The test is skipped where root cannot become another user.
    """
    root = os.geteuid() == 0
    uid = 60_000 + os.getpid() % 5_000 if root else os.geteuid()
    # Tasks have a /tmp of their own: what they are to try to change must lie where they see it.
    with tempfile.TemporaryDirectory(prefix="argosmo-test-", dir="/var/tmp") as directory:
        if root:
            os.chown(directory, uid, uid)
        user = OrdinaryUser(uid=uid, home=Path(directory), alone=root)
        if root:
            probe = user.run(sys.executable, "-c", "import yaml, cli", cwd=user.home, timeout_seconds=60)
            if probe.returncode != 0:
                pytest.skip(f"root cannot become an ordinary user that can use this Python here: {probe.stderr}")
        yield user


def _owner(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_uid
    except OSError:
        return -1


def _become(uid: int, argv: Sequence[str]) -> None:
    """Be this program as this user from here on. Errors: OSError."""
    _open_ways([os.path.realpath(path) for path in (REPOSITORY, sys.prefix, sys.base_prefix)])
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
    os.execvp(argv[0], [*argv])


def _open_ways(wanted: Sequence[str]) -> None:
    """Have everybody reach the directories; what else is in the closed ones above them goes out of sight."""
    closed = {path: _closed_above(path) for path in wanted}
    if not any(closed.values()):
        return
    if sys.platform != "linux":
        raise OSError(errno.ENOTSUP, "only Linux has mounts that nobody else sees")
    libc = ctypes.CDLL(None, use_errno=True)
    _checked(libc.unshare(_CLONE_NEWNS))
    _checked(libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None))
    handles = {path: os.open(path, os.O_PATH) for path in sorted(closed) if closed[path]}
    for directory in {directory for directory in closed.values() if directory}:
        _checked(libc.mount(b"tmpfs", os.fsencode(directory), b"tmpfs", 0, b"mode=755"))
    for path, handle in handles.items():
        os.makedirs(path, mode=0o755, exist_ok=True)
        _checked(libc.mount(b"/proc/self/fd/%d" % handle, os.fsencode(path), None, _MS_BIND | _MS_REC, None))
        os.close(handle)


def _closed_above(path: str) -> str:
    """The uppermost directory of the way to a path that others may not enter; nothing where all are open."""
    ways = [*reversed(Path(path).parents), Path(path)]
    return next((str(way) for way in ways if not os.stat(way).st_mode & stat.S_IXOTH), "")


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    try:
        _become(int(sys.argv[1]), sys.argv[2:])
    except OSError as error:
        print(f"cannot become user {sys.argv[1]}: {error}", file=sys.stderr)
        sys.exit(_CANNOT)
