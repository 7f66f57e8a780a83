"""The caller's profile. Source: api.md §2.4."""

from __future__ import annotations

from fastapi import APIRouter

from gateway.api.declared import REFUSALS, action
from gateway.api.deps import CallerOf, ServicesOf
from gateway.schemas.profile import ProfileResponse, ProfileUpdate

router = APIRouter(tags=["Profile API"], responses=REFUSALS)


@router.get("/api/profile/settings", openapi_extra=action("profile:Read"))
def settings(services: ServicesOf, caller: CallerOf) -> ProfileResponse:
    """The caller's settings, roles and pools."""
    return services.profiles.show(caller)


@router.post("/api/profile/settings", openapi_extra=action("profile:Update"))
def change_settings(services: ServicesOf, caller: CallerOf, update: ProfileUpdate) -> None:
    """Change the settings that are given."""
    services.profiles.change(caller, update)
