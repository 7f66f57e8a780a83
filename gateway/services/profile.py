"""The caller's own settings. Source: api.md §2.4."""

from __future__ import annotations

from collections.abc import Callable

from gateway.ports.store import Store
from gateway.schemas.profile import Profile, ProfileResponse, ProfileUpdate, TokenIdentity
from gateway.services.errors import Refusal
from gateway.services.identity import Caller
from pools.model import Config


class Profiles:
    """Shows and changes what users choose for themselves."""

    def __init__(self, *, store: Store, config: Callable[[], Config]) -> None:
        self._store = store
        self._config = config

    def show(self, caller: Caller) -> ProfileResponse:
        """The caller's settings, roles and pools."""
        with self._store.reading() as reads:
            chosen = reads.profile(caller.user)
        token = None
        if caller.token_name is not None:
            token = TokenIdentity(name=caller.token_name, expires_at=caller.token_expires_at)
        return ProfileResponse(
            profile=Profile(
                username=caller.user,
                email_notification=chosen.email_notification,
                slack_notification=chosen.slack_notification,
                pool=chosen.pool,
            ),
            roles=list(caller.roles),
            pools=list(allowed_pools(caller, self._config())),
            token=token,
        )

    def change(self, caller: Caller, update: ProfileUpdate) -> None:
        """Change the settings that are given. Errors: Refusal for a pool that does not exist."""
        if update.pool is not None and update.pool not in self._config().pools:
            raise Refusal(f"Pool {update.pool} not found.")
        with self._store.writing() as writes:
            writes.set_profile(
                caller.user,
                pool=update.pool,
                email_notification=update.email_notification,
                slack_notification=update.slack_notification,
            )


def allowed_pools(caller: Caller, config: Config) -> tuple[str, ...]:
    """The pools that the caller may submit to, all of them where nothing restricts him."""
    return tuple(config.pools) if caller.allowed_pools is None else caller.allowed_pools
