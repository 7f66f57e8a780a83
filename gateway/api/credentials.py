"""The caller's credentials. Source: api.md §2.5."""

from __future__ import annotations

from fastapi import APIRouter

from gateway.api.declared import REFUSALS, action
from gateway.api.deps import CallerOf, ServicesOf
from gateway.schemas.credentials import CredentialBody, CredentialList

router = APIRouter(tags=["Credential API"], responses=REFUSALS)


@router.get("/api/credentials", openapi_extra=action("credentials:Read"))
def credentials(services: ServicesOf, caller: CallerOf) -> CredentialList:
    """The caller's credentials, without their values."""
    return services.credentials.list(caller)


@router.post("/api/credentials/{cred_name}", openapi_extra=action("credentials:Create"))
def set_credential(services: ServicesOf, caller: CallerOf, cred_name: str, body: CredentialBody) -> None:
    """Store a credential, after it was tried out; one of the same name, or for the same place, gives way to it."""
    services.credentials.save(caller, cred_name, body)


@router.delete("/api/credentials/{cred_name}", openapi_extra=action("credentials:Delete"))
def delete_credential(services: ServicesOf, caller: CallerOf, cred_name: str) -> CredentialList:
    """Remove a credential."""
    return services.credentials.delete(caller, cred_name)
