"""Health, versions, users, tags, plugins, metrics. Source: api.md §2.1."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from gateway.api.declared import PUBLIC, REFUSALS, action
from gateway.api.deps import ContextOf, ServicesOf
from gateway.api.metrics import CONTENT_TYPE
from gateway.schemas.misc import Health, LoginInfo, PluginsConfig, Version
from gateway.services.versions import version_text

router = APIRouter(tags=["Misc API"], responses=REFUSALS)


@router.get("/health", openapi_extra=action("system:Health"))
def health() -> Health:
    """Say that requests are served."""
    return Health()


@router.get("/api/version", openapi_extra=action(PUBLIC))
def version(services: ServicesOf) -> Version:
    """The version of the service."""
    return services.info.version()


@router.get("/client/version", response_model=None, openapi_extra=action(PUBLIC))
def client_version(services: ServicesOf, request: Request) -> Version | Response:
    """The newest version of the client; as text for `Accept: text/plain`."""
    newest = services.info.client_version()
    if "text/plain" in request.headers.get("accept", ""):
        return Response(version_text(newest), media_type="text/plain")
    return newest


@router.get("/api/auth/login", openapi_extra=action(PUBLIC))
def login(services: ServicesOf) -> LoginInfo:
    """Where clients sign in; all null while nobody needs to."""
    return services.info.login()


@router.get("/api/users", openapi_extra=action("user:List"))
def users(services: ServicesOf) -> list[str]:
    """Everyone who ever submitted a workflow."""
    return services.info.submitters()


@router.get("/api/tag", openapi_extra=action("workflow:List"))
def tags(services: ServicesOf) -> dict[str, list[str]]:
    """The tags that users may set."""
    return {"tags": services.tags.available()}


@router.get("/api/plugins/configs", openapi_extra=action("workflow:Rsync"))
def plugins(services: ServicesOf) -> PluginsConfig:
    """How plugins are set."""
    return services.info.plugins()


@router.get("/metrics", response_class=Response, openapi_extra=action("system:Metrics"))
def metrics(context: ContextOf) -> Response:
    """Numbers for Prometheus, as text."""
    return Response(context.metrics.page(), media_type=CONTENT_TYPE)
