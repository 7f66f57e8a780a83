"""The mounted file systems of this machine, as far as a sandbox must know them. Source: proc_pid_mountinfo(5)."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Shown by the kernel, not stored anywhere; a sandbox has its own ones or none.
_VIRTUAL = frozenset(
    {
        *("autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs"),
        *("fusectl", "hugetlbfs", "mqueue", "nsfs", "proc", "pstore", "ramfs", "rpc_pipefs", "securityfs", "selinuxfs"),
        *("sysfs", "tracefs"),
    }
)
_ESCAPE = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One mounted file system. Shape: `path` is absolute."""

    path: str
    kind: str
    read_only: bool

    @property
    def real(self) -> bool:
        """Whether it holds files of its own."""
        return self.kind not in _VIRTUAL


def parse_mounts(mountinfo: str) -> tuple[Mount, ...]:
    """The mounts of a `mountinfo` file that can be seen, by path: of several at one path, the last."""
    found: dict[str, Mount] = {}
    for line in mountinfo.splitlines():
        before, separator, after = line.partition(" - ")
        fields = before.split(" ")
        if not separator or len(fields) < 6:
            continue
        path = _ESCAPE.sub(lambda match: chr(int(match[1], 8)), fields[4]).encode("latin-1", "replace").decode()
        options = fields[5].split(",")
        found[path] = Mount(path=path, kind=after.split(" ")[0], read_only="ro" in options)
    return tuple(found[path] for path in sorted(found))


def below(path: str, directory: str) -> bool:
    """Whether a path stands inside a directory, at any depth; a directory does not stand inside itself."""
    return path != directory and path.startswith(directory.rstrip("/") + "/")


def at_or_below(path: str, directory: str) -> bool:
    """Whether a path is a directory or stands inside it."""
    return path == directory or below(path, directory)
