"""The whole configuration as one value.

The objects themselves stand in `pools.service`, `workflow`, `backend`, `pool`, `roles` and `inventory`. `pools.config`
reads them from files, `pools.shipped` has the default, `pools.references` checks what names what.
Source: api.md §8, design §10.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pools.backend import Backend, BackendTest
from pools.nodes import Node
from pools.platforms import PlatformPolicy, platform_policy
from pools.pool import Pool, ResourceAssertion
from pools.roles import Role
from pools.service import ServiceConfig
from pools.workflow import WorkflowConfig
from templates.group_objects import group_objects
from templates.merge import JsonObject


class ConfigSeverity(StrEnum):
    """An error keeps the configuration from being used, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigProblem:
    """One thing that is wrong with a configuration, with its place.

    Shape: `path` as in `pools.robots.platforms.arm`; `file` "" and `line` None where it does not come from a file; line
    and column count from 1.
    """

    message: str
    path: str = ""
    file: str = ""
    line: int | None = None
    column: int | None = None
    severity: ConfigSeverity = ConfigSeverity.ERROR

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part not in ("", None))
        return f"{place}: {self.path}: {self.message}" if place else f"{self.path}: {self.message}"


class ConfigError(Exception):
    """A configuration was refused. Shape: `problems` holds all errors and warnings found, never empty."""

    def __init__(self, problems: tuple[ConfigProblem, ...]) -> None:
        if not problems:
            raise ValueError("ConfigError needs at least one problem")
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that administrators configure.

    Shape: maps by name, in the order of the files. `nodes` is None where no inventory was given: checks against nodes
    are then left out with a warning, unless the caller knows the nodes. `policies` and `extra_objects` follow from the
    rest; to change a part, use `dataclasses.replace`, which works them out again.
    """

    service: ServiceConfig = field(default_factory=ServiceConfig)
    workflow: WorkflowConfig = field(default_factory=WorkflowConfig)
    backends: Mapping[str, Backend] = field(default_factory=dict)
    pools: Mapping[str, Pool] = field(default_factory=dict)
    pod_templates: Mapping[str, JsonObject] = field(default_factory=dict)
    group_templates: Mapping[str, JsonObject] = field(default_factory=dict)
    resource_validations: Mapping[str, tuple[ResourceAssertion, ...]] = field(default_factory=dict)
    backend_tests: Mapping[str, BackendTest] = field(default_factory=dict)
    roles: Mapping[str, Role] = field(default_factory=dict)
    nodes: tuple[Node, ...] | None = None
    warnings: tuple[ConfigProblem, ...] = ()
    policies: Mapping[tuple[str, str], PlatformPolicy] = field(init=False, repr=False, compare=False)
    """(pool, platform) to its merged policy."""
    extra_objects: Mapping[str, tuple[JsonObject, ...]] = field(init=False, repr=False, compare=False)
    """Pool to its group templates, merged and unrendered."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "policies", _policies(self))
        object.__setattr__(self, "extra_objects", _extra_objects(self))

    def backend_of(self, pool: Pool) -> Backend:
        """The backend that runs the pool's work; an unknown name gives a backend of that name without access."""
        return self.backends.get(pool.backend) or Backend(name=pool.backend)

    def platforms_of(self, pool: str) -> tuple[PlatformPolicy, ...]:
        """The policies of all platforms of a pool, in order."""
        found = self.pools.get(pool)
        return () if found is None else tuple(self.policies[pool, name] for name in found.platforms)


def _policies(config: Config) -> dict[tuple[str, str], PlatformPolicy]:
    return {
        (pool_name, name): platform_policy(
            pool_name, pool, name, platform, pod_templates=config.pod_templates, validations=config.resource_validations
        )
        for pool_name, pool in config.pools.items()
        for name, platform in pool.platforms.items()
    }


def _extra_objects(config: Config) -> dict[str, tuple[JsonObject, ...]]:
    return {
        name: group_objects(
            config.group_templates[used] for used in pool.common_group_templates if used in config.group_templates
        )
        for name, pool in config.pools.items()
    }
