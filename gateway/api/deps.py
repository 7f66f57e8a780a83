"""What routes are given: the use cases, who calls, and where links point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from gateway.api.metrics import Metrics
from gateway.api.streams import Streams
from gateway.services.bundle import Services
from gateway.services.identity import Caller, Login
from gateway.services.links import Links
from gateway.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What one application works with."""

    services: Services
    settings: Settings
    login: Login
    metrics: Metrics
    streams: Streams


def context_of(request: Request) -> Context:
    """The context of the application that the request came to."""
    context: Context = request.app.state.context
    return context


def services_of(request: Request) -> Services:
    """The use cases."""
    return context_of(request).services


def caller_of(request: Request) -> Caller:
    """Who sent the request. Errors: Refusal for a name that could not be one."""
    return context_of(request).login.caller(request.headers)


def links_of(request: Request) -> Links:
    """Links below the configured address, else below the one that the request was sent to."""
    context = context_of(request)
    configured = context.services.config.loaded.service.service_base_url or context.settings.public_url
    return Links(base=(configured or str(request.base_url)).rstrip("/"))


ServicesOf = Annotated[Services, Depends(services_of)]
CallerOf = Annotated[Caller, Depends(caller_of)]
LinksOf = Annotated[Links, Depends(links_of)]
ContextOf = Annotated[Context, Depends(context_of)]
