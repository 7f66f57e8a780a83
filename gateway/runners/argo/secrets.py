"""What goes into the Secrets of a run, and what must not appear in its log."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterator

import msgspec

from engine.ports import Run, Secret
from gateway.runners.argo.registries import docker_config
from gateway.runners.argo.settings import ArgoBackend
from translator.argo.run_secrets import RunSecrets
from translator.plan.model import WorkflowUuid

KEY_BYTES = 32


class TokenKey:
    """Makes the token of each run from one key, so that creating a run again makes the same Secrets.

    Shape: without a key it has one of its own, and another process makes other tokens.
    """

    def __init__(self, key: bytes | None) -> None:
        self._key = key or secrets.token_bytes(KEY_BYTES)

    def token(self, workflow: WorkflowUuid) -> Secret:
        """The token of a run."""
        return Secret(hmac.new(self._key, workflow.encode(), hashlib.sha256).hexdigest())


def secrets_of(run: Run, backend: ArgoBackend, key: TokenKey) -> RunSecrets:
    """The secret values of a run."""
    shared = () if backend.registry is None else (backend.registry,)
    return RunSecrets(
        credentials=run.credentials,
        user_storage=_user_storage(run),
        service_storage=backend.service_storage,
        registry=docker_config((*run.registries, *shared)),
        token=key.token(run.plan.workflow_uuid),
    )


def _user_storage(run: Run) -> Secret | None:
    return Secret(msgspec.json.encode(run.data_keys).decode()) if run.data_keys else None


def texts_to_mask(run: Run, given: RunSecrets) -> Iterator[str]:
    """Every value that must not be read in the log of the run."""
    yield from run.secret_texts()
    if given.token is not None:
        yield given.token.reveal()
