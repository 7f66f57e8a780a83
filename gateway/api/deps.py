"""What routes are given: the use cases, who calls, and where links point.

They are coroutines though they wait for nothing: FastAPI sends plain functions to a thread each, one after the other.
"""

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


async def context_of(request: Request) -> Context:
    """The context of the application that the request came to."""
    return _context(request)


async def services_of(request: Request) -> Services:
    """The use cases."""
    return _context(request).services


async def caller_of(request: Request) -> Caller:
    """Who sent the request. Errors: Refusal for a name that could not be one."""
    return _context(request).login.caller(request.headers)


async def links_of(request: Request) -> Links:
    """Links below the configured address, else below the one that the request was sent to."""
    context = _context(request)
    configured = context.services.config.loaded.service.service_base_url or context.settings.public_url
    return Links(base=(configured or str(request.base_url)).rstrip("/"))


def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


ServicesOf = Annotated[Services, Depends(services_of)]
CallerOf = Annotated[Caller, Depends(caller_of)]
LinksOf = Annotated[Links, Depends(links_of)]
ContextOf = Annotated[Context, Depends(context_of)]
