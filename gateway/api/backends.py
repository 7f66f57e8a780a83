"""Backends: OSMO's reading routes of their configuration, and ours for their state. Source: api.md §2.13."""

from __future__ import annotations

from fastapi import APIRouter

from gateway.api.declared import REFUSALS, action
from gateway.api.deps import ServicesOf
from gateway.schemas.backends import BackendConfig, BackendList, BackendNodes, BackendStates

router = APIRouter(responses=REFUSALS)


@router.get("/api/configs/backend", tags=["Config API"], openapi_extra=action("config:Read"))
def list_backend_configs(services: ServicesOf) -> BackendList:
    """All backends with their settings."""
    return services.backends.configured()


@router.get("/api/configs/backend/{name}", tags=["Config API"], openapi_extra=action("config:Read"))
def get_backend_config(services: ServicesOf, name: str) -> BackendConfig:
    """One backend with its settings."""
    return services.backends.configured_one(name)


@router.get("/api/argosmo/v1/backend", tags=["argosmo"], openapi_extra=action("config:Read"))
def list_backends(services: ServicesOf) -> BackendStates:
    """All backends as they are now: whether they answer, what they are, how many nodes they have."""
    return services.backends.states()


@router.get("/api/argosmo/v1/backend/{name}/nodes", tags=["argosmo"], openapi_extra=action("resources:Read"))
def list_backend_nodes(services: ServicesOf, name: str) -> BackendNodes:
    """All nodes of a backend with labels, taints and conditions, also those that may take no work now."""
    return services.backends.nodes(name)
