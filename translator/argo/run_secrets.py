"""The secret values of one run: they come beside the Plan and go into Secrets, nowhere else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from translator.argo.faults import refusal

PLACEHOLDER = "placeholder"
"""What stands for every secret value in a translation that is only looked at."""


class SecretValue(Protocol):
    """A value that cannot be printed; `reveal` is the only way to it."""

    def reveal(self) -> str:
        """The value itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSecrets:
    """What a run needs and nobody may read.

    Shape: `credentials[name][key]` are the owner's generic credentials that the Plan refers to. `user_storage` and
    `service_storage` are JSON texts for the sidecar: the owner's data credentials, and that of the intermediate store.
    `registry` is a `.dockerconfigjson`. `token` is random, one a run: the groups' tokens follow from it.
    """

    credentials: Mapping[str, Mapping[str, SecretValue]] = field(default_factory=dict)
    user_storage: SecretValue | None = None
    service_storage: SecretValue | None = None
    registry: SecretValue | None = None
    token: SecretValue | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretReader:
    """Looks up secret values; with no `secrets` every one of them is the placeholder."""

    secrets: RunSecrets | None

    def credential_key(self, credential: str, key: str) -> str:
        """One key of a credential. Errors: TranslationError where the run was not given it."""
        if self.secrets is None:
            return PLACEHOLDER
        value = self.secrets.credentials.get(credential, {}).get(key)
        if value is None:
            raise refusal("unknown-credential", f'Expected credential "{credential}" with key "{key}". Store it first.')
        return value.reveal()

    def credential_values(self, credential: str) -> dict[str, str]:
        """All keys of a credential, sorted; one named `placeholder` where values are not known.

        Errors: TranslationError where the run was not given it.
        """
        if self.secrets is None:
            return {PLACEHOLDER: PLACEHOLDER}
        values = self.secrets.credentials.get(credential)
        if values is None:
            raise refusal("unknown-credential", f'Expected credential "{credential}". Store it first.')
        return {key: values[key].reveal() for key in sorted(values)}

    def storage(self) -> dict[str, str]:
        """The sidecar's storage credentials: `user.json` and `service.json`."""
        if self.secrets is None:
            return {"service.json": "{}", "user.json": "{}"}
        texts = {"service.json": self.secrets.service_storage, "user.json": self.secrets.user_storage}
        return {name: text.reveal() if text is not None else "{}" for name, text in texts.items()}

    def registry(self) -> str | None:
        """The `.dockerconfigjson` of the run; None where images need no login."""
        if self.secrets is None or self.secrets.registry is None:
            return None
        return self.secrets.registry.reveal()

    def group_token(self, group_uuid: str) -> str:
        """What members of a group show its coordinator; different for every group of a run."""
        if self.secrets is None or self.secrets.token is None:
            return PLACEHOLDER
        return hashlib.sha256(f"{self.secrets.token.reveal()}\0{group_uuid}".encode()).hexdigest()
