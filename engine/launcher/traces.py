"""What commands can leave in a standing sandbox beside files on disk: processes, and what is in its memory only."""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

Sight = tuple[object, ...]


def sight_of(first: int, watched: Sequence[str]) -> Sight:
    """The processes of a sandbox, by their ids in it, and the watched directories: equal sights, equal sandboxes.

    Shape: `first` is any process of it; `watched` are its directories that lie in memory. Errors: OSError.
    """
    root = f"/proc/{first}/root"
    processes = sorted(int(name) for name in os.listdir(f"{root}/proc") if name.isdecimal())
    return (processes, [_directory(root + path) for path in watched])


def _directory(path: str) -> Sight:
    with os.scandir(path) as entries:
        found = sorted((entry.name, _look(entry.path, entry.is_symlink())) for entry in entries)
    return (_look(path, link=False), found)


def _look(path: str, link: bool) -> Sight:
    status = os.lstat(path)
    target = os.readlink(path) if link else ""
    device = 0 if stat.S_ISDIR(status.st_mode) else status.st_rdev
    return (status.st_mode, status.st_uid, status.st_gid, device, target)
