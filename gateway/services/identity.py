"""Who is calling, as the use cases see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

ADMIN_ROLE = "osmo-admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A person, or a task acting for one.

    Shape: `allowed_pools` holds the pools the caller may submit to, None where nothing restricts him; `token_name` is
    the access token of the request, `token_expires_at` its naive last date (`2026-01-01T00:00:00`).
    """

    user: str
    roles: tuple[str, ...] = ()
    allowed_pools: tuple[str, ...] | None = None
    token_name: str | None = None
    token_expires_at: str | None = None

    @property
    def is_admin(self) -> bool:
        """Whether the caller holds OSMO's role for administrators."""
        return ADMIN_ROLE in self.roles


class Login(Protocol):
    """Tells callers apart."""

    def caller(self, headers: Mapping[str, str]) -> Caller:
        """Who sent a request with these headers (names in any case). Errors: Refusal where they name nobody."""
