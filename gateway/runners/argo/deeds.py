"""The requests that change a cluster: none is sent while another process acts there.

A process may be stopped for any time between two requests, and be replaced meanwhile; so each is preceded by the
question, and not only each piece of work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.runners.argo.client import KubeClient
from gateway.runners.argo.faults import TryAgain


class Deeds:
    """Changes one cluster. Errors of all methods: ClusterError; TryAgain while another process acts there."""

    def __init__(self, client: KubeClient, may_act: Callable[[], bool]) -> None:
        self._client = client
        self._may_act = may_act

    def check(self) -> None:
        """Return while this process acts here. Errors: TryAgain, should it win the backend again."""
        if not self._may_act():
            raise TryAgain("another process acts on this backend")

    def create(self, path: str, body: bytes) -> bytes:
        """Create an object; it as the server made it."""
        self.check()
        return self._client.create(path, body)

    def patch(self, path: str, change: Mapping[str, Any]) -> bytes:
        """Merge `change` into an object; the result."""
        self.check()
        return self._client.patch(path, change)

    def delete(self, path: str, options: Mapping[str, Any]) -> bytes:
        """Delete an object."""
        self.check()
        return self._client.delete(path, options)
