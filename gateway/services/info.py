"""Small answers: who submits, which version this is, how plugins are set."""

from __future__ import annotations

from collections.abc import Callable

from gateway.ports.store import Store
from gateway.schemas.misc import LoginInfo, PluginsConfig, Version
from gateway.services.versions import API_VERSION, version_of
from pools.model import Config


class Info:
    """Answers what is true of the gateway as a whole."""

    def __init__(self, *, store: Store, config: Callable[[], Config]) -> None:
        self._store = store
        self._config = config

    def version(self) -> Version:
        """The version of the service."""
        return version_of(API_VERSION)

    def client_version(self) -> Version:
        """The newest version of the client, as the configuration names it, else that of the service."""
        return version_of(self._config().service.cli_config.latest_version or API_VERSION)

    def submitters(self) -> list[str]:
        """Everyone who ever submitted a workflow."""
        with self._store.reading() as reads:
            return list(reads.submitters())

    def plugins(self) -> PluginsConfig:
        """How plugins are set."""
        return PluginsConfig.model_validate(self._config().workflow.plugins_config, from_attributes=True)

    def login(self) -> LoginInfo:
        """Where clients sign in."""
        return LoginInfo.model_validate(self._config().service.service_auth.login_info, from_attributes=True)
