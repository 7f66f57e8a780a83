"""Pools and nodes. Source: api.md §2.6."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from gateway.api.declared import REFUSALS, action
from gateway.api.deps import CallerOf, ServicesOf
from gateway.schemas.pools import PoolList, PoolQuota
from gateway.schemas.resources import PoolResourcesResponse, ResourcesResponse

router = APIRouter(responses=REFUSALS)

Pools = Annotated[list[str] | None, Query(description="Names of pools.")]
Platforms = Annotated[list[str] | None, Query(description="Names of platforms, only together with pools.")]


@router.get("/api/pool", tags=["Pool API"], openapi_extra=action("pool:List"))
def list_pools(services: ServicesOf, pools: Pools = None, all_pools: bool = True) -> PoolList:
    """Pools by name."""
    return services.pools.pools(pools, all_pools=all_pools)


@router.get("/api/pool_quota", tags=["Pool API"], openapi_extra=action("pool:List"))
def list_quotas(services: ServicesOf, pools: Pools = None, all_pools: bool = True) -> PoolQuota:
    """Pools with the numbers of their GPUs, by sets that share nodes."""
    return services.pools.quotas(pools, all_pools=all_pools)


@router.get("/api/resources", tags=["Resource API"], openapi_extra=action("resources:Read"))
def list_resources(
    services: ServicesOf,
    caller: CallerOf,
    pools: Pools = None,
    platforms: Platforms = None,
    all_pools: bool = False,
    concise: bool = False,
) -> ResourcesResponse | PoolResourcesResponse:
    """Nodes; with `concise` sums by pool and platform."""
    if concise:
        return services.resources.sums(caller, pools=pools, platforms=platforms, all_pools=all_pools)
    return services.resources.nodes(caller, pools=pools, platforms=platforms, all_pools=all_pools)


@router.get("/api/resources/{name}", tags=["Resource API"], openapi_extra=action("resources:Read"))
def get_resource(services: ServicesOf, name: str) -> ResourcesResponse:
    """The nodes of this name, one for each backend that has one."""
    return services.resources.node(name)
