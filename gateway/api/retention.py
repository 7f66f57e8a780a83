"""Retention, for administrators: what is due to be removed, and its removal at once."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from gateway.api.declared import RETENTION, action
from gateway.api.deps import CallerOf, ServicesOf
from gateway.schemas.retention import RetentionReport
from gateway.services.retention import MOST_ENTRIES

router = APIRouter(prefix="/api/argosmo/v1", tags=["argosmo"], responses=RETENTION)
Limit = Annotated[int, Query(ge=1, le=MOST_ENTRIES, description="The most workflows to look at.")]


@router.get("/retention", openapi_extra=action("config:Read"))
def preview_retention(services: ServicesOf, caller: CallerOf, limit: Limit = 100) -> RetentionReport:
    """What the rules of the configuration would remove now, oldest first; nothing is removed."""
    return services.retention.preview(caller, limit)


@router.post("/retention", openapi_extra=action("config:Update"))
def apply_retention(services: ServicesOf, caller: CallerOf, limit: Limit = 100) -> RetentionReport:
    """Remove what is due now, oldest first, without waiting for the gateway's own time."""
    return services.retention.apply(caller, limit)
