"""How many descriptors the launcher may have: as many as the system allows, since each sandbox costs two.

What it starts gets the limit that the launcher was started with.
"""

from __future__ import annotations

import resource

_found = resource.getrlimit(resource.RLIMIT_NOFILE)


def allow_many_descriptors() -> None:
    """Raise the launcher's own limit."""
    _set(_found[1])


def restore_limit() -> None:
    """Set the limit of this process back to what it was."""
    _set(_found[0])


def _set(soft: int) -> None:
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, _found[1]))
    except (OSError, ValueError):
        # macOS refuses what it calls unlimited.
        return
