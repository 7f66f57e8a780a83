"""What a spec is judged and resolved against, as values: the shell looks everything up beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pools.backend import Backend
from pools.model import Config
from pools.nodes import Node
from pools.pool import Pool
from translator.plan.datasets import DatasetCatalog
from translator.plan.model import Priority

ADMIN_ROLE = "osmo-admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierWorkflow:
    """A workflow that a spec takes inputs from.

    Shape: `id` is its id, however the spec names it; `finished` says of each of its tasks whether it has ended.
    """

    id: str
    finished: Mapping[str, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCredentials:
    """The names of what a user has stored, without any value.

    Shape: `generic` maps a credential to its keys; `data_profiles` holds the profiles of §6.5 (`s3://bucket`).
    """

    generic: Mapping[str, frozenset[str]] = field(default_factory=dict)
    data_profiles: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class UserLoad:
    """What a user has unfinished at the moment."""

    workflows: int
    tasks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanContext:
    """Everything about a submission that does not stand in the spec.

    Shape: None means "not known, do not check", which is what a command without a server passes. `nodes` None takes the
    configuration's inventory. `earlier_workflows` is keyed by what the spec wrote before the colon, see
    `translator.plan.outline.earlier_references`; `datasets` holds what `translator.plan.datasets.dataset_references`
    asks for. `pinned_images` maps an image as written to the one to run.
    """

    config: Config
    pool: str
    owner: str
    roles: frozenset[str] = frozenset()
    priority: Priority = Priority.NORMAL
    nodes: tuple[Node, ...] | None = None
    earlier_workflows: Mapping[str, EarlierWorkflow] | None = None
    datasets: DatasetCatalog | None = None
    credentials: UserCredentials | None = None
    load: UserLoad | None = None
    pinned_images: Mapping[str, str] = field(default_factory=dict)

    @property
    def pool_config(self) -> Pool | None:
        """The pool submitted to; None where there is none of that name."""
        return self.config.pools.get(self.pool)

    @property
    def backend(self) -> Backend:
        """The backend of the pool; one without access where pool or backend do not exist."""
        pool = self.pool_config
        return Backend() if pool is None else self.config.backend_of(pool)

    @property
    def known_nodes(self) -> tuple[Node, ...] | None:
        """The nodes to judge against; None where none are known."""
        return self.config.nodes if self.nodes is None else self.nodes
