"""Roles: what their holders may do. Source: api.md §8.8."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from pools.documents import Document


class Effect(StrEnum):
    """Whether a policy grants or forbids."""

    ALLOW = "Allow"
    DENY = "Deny"


class SyncMode(StrEnum):
    """How an identity provider's groups change who holds the role."""

    IMPORT = "import"
    FORCE = "force"
    IGNORE = "ignore"


Action = Annotated[str, StringConstraints(pattern=r"^(\*|([a-z]+|\*):([A-Z][A-Za-z]*|\*))$")]
"""`kind:Verb`, either part may be `*`; `*` alone is everything."""


class RolePolicy(Document):
    """Actions (`workflow:*`) on resources (`pool/default`). Without resources it matches requests that have none."""

    effect: Effect = Effect.ALLOW
    actions: tuple[Action, ...] = Field(min_length=1)
    resources: tuple[str, ...] = ()


class Role(Document):
    """One role.

    Shape: `external_roles` None means that its own name is the external one; () maps none.
    """

    name: str = ""
    description: str = ""
    policies: tuple[RolePolicy, ...] = ()
    immutable: bool = False
    sync_mode: SyncMode = SyncMode.IMPORT
    external_roles: tuple[str, ...] | None = None
