"""Pools and their platforms: what users submit to. Source: api.md §8.4, §8.6; `strict` is ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, JsonValue, field_validator, model_validator

from pools.documents import Document, InheritedDuration, LenientDocument
from templates.assertions import Assertion, Operator

UNLIMITED = -1
EXIT_ACTIONS = ("FAIL", "COMPLETE", "RESCHEDULE")
_EXIT_CODES = re.compile(r"[0-9]{1,9}(-[0-9]{1,9})?(,[0-9]{1,9}(-[0-9]{1,9})?)*")


class GpuQuota(Document):
    """A pool's share of GPUs. Units: GPUs; -1: all there are. `guarantee` bounds HIGH and NORMAL work of one group."""

    guarantee: int = Field(default=UNLIMITED, ge=UNLIMITED)
    maximum: int = Field(default=UNLIMITED, ge=UNLIMITED)
    weight: int = Field(default=1, ge=0)


class PoolResources(Document):
    """Quotas of a pool; None where none is set, and then none is checked."""

    gpu: GpuQuota | None = None


class TopologyKey(Document):
    """A topology level: `key` is what specs ask for, `label` the label of nodes."""

    key: str
    label: str


class ResourceAssertion(Document):
    """One rule of a resource validation."""

    operator: Operator
    left_operand: str
    right_operand: str
    assert_message: str = ""

    @property
    def assertion(self) -> Assertion:
        """The rule as the core evaluates it."""
        return Assertion(
            operator=self.operator,
            left_operand=self.left_operand,
            right_operand=self.right_operand,
            assert_message=self.assert_message
            or f"{self.left_operand} {self.operator} {self.right_operand} does not hold",
        )


class Platform(LenientDocument):
    """A class of nodes in a pool, and what tasks may do there."""

    description: str = ""
    host_network_allowed: bool = False
    privileged_allowed: bool = False
    allowed_mounts: tuple[str, ...] = ()
    default_variables: dict[str, JsonValue] = {}
    resource_validations: tuple[str, ...] = ()
    override_pod_template: tuple[str, ...] = ()


class Pool(LenientDocument):
    """What users submit to.

    Shape: `topology_keys` from coarse to fine; a duration "" inherits from the workflow config.
    `strict` (ours): a request beyond every node is refused, as in OSMO. With false it runs all the same, with a
    warning, which is what one wants of a laptop that stands in for a cluster.
    """

    name: str = ""
    description: str = ""
    download_type: Literal["download"] | None = None
    enable_maintenance: bool = False
    backend: str
    default_platform: str | None = None
    default_exec_timeout: InheritedDuration = ""
    default_queue_timeout: InheritedDuration = ""
    max_exec_timeout: InheritedDuration = ""
    max_queue_timeout: InheritedDuration = ""
    default_exit_actions: dict[str, str] = {}
    resources: PoolResources = PoolResources()
    topology_keys: tuple[TopologyKey, ...] = ()
    common_default_variables: dict[str, JsonValue] = {}
    common_pod_template: tuple[str, ...] = ()
    common_resource_validations: tuple[str, ...] = ()
    common_group_templates: tuple[str, ...] = ()
    platforms: dict[str, Platform] = {}
    strict: bool = True

    @field_validator("default_exit_actions", mode="before")
    @classmethod
    def _name_actions_in_upper_case(cls, value: object) -> object:
        return {str(key).upper(): codes for key, codes in value.items()} if isinstance(value, Mapping) else value

    @field_validator("default_exit_actions")
    @classmethod
    def _are_exit_actions(cls, value: dict[str, str]) -> dict[str, str]:
        for action, codes in value.items():
            if action not in EXIT_ACTIONS:
                raise ValueError(f"Invalid exit action {action}. Valid actions are COMPLETE, FAIL and RESCHEDULE.")
            if not _EXIT_CODES.fullmatch(codes):
                raise ValueError(f'Invalid exit codes {codes} for action {action}. Expected a text such as "1-10,137".')
        return value

    @field_validator("topology_keys")
    @classmethod
    def _have_distinct_keys(cls, value: tuple[TopologyKey, ...]) -> tuple[TopologyKey, ...]:
        if len({entry.key for entry in value}) < len(value):
            raise ValueError("topology_keys names a key twice; keep each key once, from coarse to fine")
        return value

    @model_validator(mode="after")
    def _has_default_platform(self) -> Self:
        if self.default_platform is not None and self.default_platform not in self.platforms:
            raise ValueError(
                f'default_platform "{self.default_platform}" is not one of the platforms: {sorted(self.platforms)}'
            )
        return self
