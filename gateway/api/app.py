"""The application: all routes, the error table, and what surrounds every request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import anyio.to_thread
from fastapi import FastAPI

from gateway.api import (
    argosmo,
    backends,
    credentials,
    datasets,
    errors,
    interactive,
    misc,
    pools,
    profile,
    retention,
    submit,
    tasks,
    texts,
    workflows,
)
from gateway.api.body_limit import BodyLimit
from gateway.api.deps import Context
from gateway.api.errors import ServerFaults
from gateway.api.guard import LoopbackGuard
from gateway.api.observe import Observed
from gateway.api.paths import OneSpelling
from gateway.api.versions import ClientVersions, VersionPolicy
from gateway.services.config_files import ConfigFiles
from gateway.services.versions import API_VERSION

# A request is held against them in turn: what is asked most comes first.
ROUTERS = (
    submit,
    workflows,
    tasks,
    texts,
    misc,
    profile,
    credentials,
    datasets,
    pools,
    interactive,
    backends,
    argosmo,
    retention,
)


def application(context: Context) -> FastAPI:
    """The ASGI application of one gateway."""
    app = FastAPI(
        title="argosmo",
        description="OSMO's API, and below /api/argosmo/v1 what OSMO has nothing for.",
        version=API_VERSION,
        docs_url="/api/docs",
        redoc_url=None,
        openapi_url="/api/openapi.json",
        redirect_slashes=False,
        lifespan=_lifespan(context),
    )
    app.state.context = context
    for module in ROUTERS:
        app.include_router(module.router)
    errors.install(app)
    _surround(app, context)
    return app


def _surround(app: FastAPI, context: Context) -> None:
    settings = context.settings
    # The last one added is the first to see a request.
    app.add_middleware(ServerFaults)
    app.add_middleware(ClientVersions, policy=_version_policy(context.services.config))
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes)
    if not settings.authentication:
        app.add_middleware(LoopbackGuard, allowed_hosts=settings.allowed_hosts)
    app.add_middleware(Observed, metrics=context.metrics)
    app.add_middleware(OneSpelling)


def _lifespan(context: Context) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = context.settings.worker_threads
        yield
        context.streams.end_all()

    return lifespan


def _version_policy(config: ConfigFiles) -> Callable[[], VersionPolicy]:
    def policy() -> VersionPolicy:
        clients = config.loaded.service.cli_config
        return VersionPolicy(
            newest=clients.latest_version or API_VERSION,
            oldest=clients.min_supported_version,
            install_url=clients.client_install_url or "",
        )

    return policy
