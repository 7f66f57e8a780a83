"""OSMO's `dev` login: whoever names himself is that user. Only for a gateway that listens on loopback.

Source: api.md §3.1; the default identity of the quick-start deployments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from gateway.services.errors import Refusal
from gateway.services.identity import ADMIN_ROLE, Caller

USER_HEADER = "x-osmo-user"
ROLES_HEADER = "x-osmo-roles"
POOLS_HEADER = "x-osmo-allowed-pools"

_USER = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.@+-]{0,253}[A-Za-z0-9])?")


class DevLogin:
    """Believes the identity headers; without any, the caller is the default user and administrator."""

    def __init__(self, default_user: str) -> None:
        self._default_user = default_user

    def caller(self, headers: Mapping[str, str]) -> Caller:
        """Who sent a request with these headers (names in lower case).

        Errors: Refusal where the user name could not be one.
        """
        user = headers.get(USER_HEADER, "").strip() or self._default_user
        if not _USER.fullmatch(user):
            raise Refusal(
                f"The user name {user!r} is not valid: expected letters and digits, with _ . @ + - in between."
            )
        roles = _names(headers.get(ROLES_HEADER, "")) or (ADMIN_ROLE,)
        return Caller(user=user, roles=roles, allowed_pools=_names(headers.get(POOLS_HEADER, "")) or None)


def default_user(configured: str, os_user: str) -> str:
    """Whom requests without a name come from: the configured user, else that of the process, else `admin`."""
    return next((name for name in (configured, os_user) if _USER.fullmatch(name)), "admin")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
