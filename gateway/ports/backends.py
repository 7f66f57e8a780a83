"""What a runner can tell about its backend, for those who show it; nothing that runs work depends on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from pools.nodes import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendReport:
    """A backend as it is now.

    Shape: `heartbeat` is when it last answered, naive UTC, None while it never did; texts are "" and `nodes` None where
    they are not known; `capabilities` are words such as `full-crds` and `kai`.
    """

    online: bool
    heartbeat: datetime | None = None
    version: str = ""
    kubernetes: str = ""
    cluster_uid: str = ""
    capabilities: tuple[str, ...] = ()
    nodes: tuple[Node, ...] | None = None


@runtime_checkable
class Reporting(Protocol):
    """A runner that knows more of its backend than that it was configured."""

    def report(self) -> BackendReport:
        """The backend as it is now, without asking it: never waits."""
