"""What goes into the Secrets of a run, and what must not appear in its log."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from engine.ports import Run, Secret
from gateway.runners.argo.settings import ArgoBackend
from translator.argo.run_secrets import RunSecrets
from translator.plan.model import WorkflowUuid

_KEY_FILE = "token.key"
_KEY_BYTES = 32


class TokenKey:
    """Makes the token of each run from one key, so that creating a run again makes the same Secrets."""

    def __init__(self, directory: Path | None) -> None:
        self._key = _key_in(directory) if directory is not None else secrets.token_bytes(_KEY_BYTES)

    def token(self, workflow: WorkflowUuid) -> Secret:
        """The token of a run."""
        return Secret(hmac.new(self._key, workflow.encode(), hashlib.sha256).hexdigest())


def secrets_of(run: Run, backend: ArgoBackend, key: TokenKey) -> RunSecrets:
    """The secret values of a run."""
    return RunSecrets(
        credentials=run.credentials,
        service_storage=backend.service_storage,
        registry=backend.registry,
        token=key.token(run.plan.workflow_uuid),
    )


def texts_to_mask(run: Run, given: RunSecrets) -> Iterator[str]:
    """Every value that must not be read in the log of the run."""
    for credential in run.credentials.values():
        for value in credential.values():
            yield value.reveal()
    if given.token is not None:
        yield given.token.reveal()


def _key_in(directory: Path) -> bytes:
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = directory / _KEY_FILE
    draft = directory / f"{_KEY_FILE}.{os.getpid()}"
    if not path.exists():
        draft.touch(mode=0o600)
        draft.write_bytes(secrets.token_bytes(_KEY_BYTES))
        try:
            # Whoever comes first makes the key; a link never replaces one.
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_bytes()
