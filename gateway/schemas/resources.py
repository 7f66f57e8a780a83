"""Nodes and what they offer. Source: api.md §2.6."""

from __future__ import annotations

from enum import StrEnum

from gateway.schemas.pools import PoolStatus
from gateway.schemas.wire import Reply


class ResourceType(StrEnum):
    """In how many pools a node is: several, one, none."""

    SHARED = "SHARED"
    RESERVED = "RESERVED"
    UNUSED = "UNUSED"


# Amounts keyed by storage (bytes), cpu (count), memory ("<n>Ki") and gpu (count); a key is absent if the node lacks it.
Amounts = dict[str, str | int | float]
# pool -> platform -> amounts
PlatformAmounts = dict[str, dict[str, Amounts]]


class PlatformConfig(Reply):
    """What tasks may do on one platform."""

    host_network: bool
    privileged: bool
    default_mounts: list[str]
    allowed_mounts: list[str]


class ResourcesEntry(Reply):
    """One node. Shape: `exposed_fields` holds `node`, `pool/platform` and the four amounts as whole numbers in text."""

    hostname: str
    exposed_fields: dict[str, str | list[str]]
    taints: list[dict[str, str | None]]
    usage_fields: Amounts
    conditions: list[str] | None = None
    non_workflow_usage_fields: Amounts
    allocatable_fields: Amounts
    platform_allocatable_fields: PlatformAmounts | None = None
    platform_available_fields: PlatformAmounts | None = None
    platform_workflow_allocatable_fields: PlatformAmounts | None = None
    config_fields: dict[str, dict[str, PlatformConfig]] | None = None
    backend: str
    label_fields: dict[str, str] | None = None
    pool_platform_labels: dict[str, list[str]]
    resource_type: ResourceType


class ResourcesResponse(Reply):
    """Nodes by backend and name."""

    resources: list[ResourcesEntry]


class PoolResourcesEntry(Reply):
    """The sum over the nodes of one platform of one pool; values are numbers."""

    pool: str
    platform: str
    status: PoolStatus
    usage_fields: Amounts
    allocatable_fields: Amounts
    backend: str


class PoolResourcesResponse(Reply):
    """Sums by pool and platform."""

    pools: list[PoolResourcesEntry]
