"""What the checks of one backend look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.runners.argo.capabilities import Capabilities
from gateway.runners.argo.client import KubeClient
from gateway.runners.argo.nodes import SeenNode
from pools.backend import Backend
from pools.model import Config
from pools.pool import Pool
from translator.argo.target import ArgoTarget, argo_target


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One backend whose API server answers. Shape: `nodes` None where they may not be listed; `now` is naive UTC."""

    name: str
    backend: Backend
    config: Config
    client: KubeClient
    capabilities: Capabilities
    nodes: tuple[SeenNode, ...] | None
    now: Callable[[], datetime]

    @property
    def namespace(self) -> str:
        """Where runs are."""
        return self.backend.namespace

    @property
    def target(self) -> ArgoTarget:
        """The backend as the translation sees it."""
        return argo_target(self.backend, self.config.workflow)

    @property
    def pools(self) -> dict[str, Pool]:
        """The pools whose work runs here."""
        return {name: pool for name, pool in self.config.pools.items() if pool.backend == self.name}

    def core(self, plural: str, name: str = "") -> str:
        """The path of core objects in the namespace."""
        return f"/api/v1/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")
