"""The caller's profile. Source: api.md §2.4."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from gateway.schemas.wire import Reply, Text


class Profile(Reply):
    """Settings of one user."""

    username: str
    email_notification: bool = False
    slack_notification: bool = False
    pool: str | None = None


class TokenIdentity(Reply):
    """The access token that a request was made with."""

    name: str
    expires_at: str | None = None


class ProfileResponse(Reply):
    """The caller: settings, roles, pools he may submit to, and his token if he used one."""

    profile: Profile
    roles: list[str]
    pools: list[str]
    token: TokenIdentity | None = None


class ProfileUpdate(BaseModel):
    """What to change; null leaves alone, unknown keys are ignored as OSMO does."""

    model_config = ConfigDict(extra="ignore")

    email_notification: bool | None = None
    slack_notification: bool | None = None
    pool: Text | None = None
