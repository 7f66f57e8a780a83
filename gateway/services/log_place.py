"""The place of logs as the configuration names it, and what opens it and those of earlier settings."""

from __future__ import annotations

import threading
from collections.abc import Callable

from pools.model import Config
from pools.workflow import StorageCredential
from storage.credentials import DataCredential, OneKey
from storage.local import LocalStore
from storage.patience import Patience
from storage.remote import remote_stores
from storage.stores import Stores
from storage.urls import FILE_SCHEME, Location, parse_location
from translator.plan.model import WorkflowUuid

# Readers wait for it, and whoever uploads tries again later.
_PATIENCE = Patience(tries=3, request_seconds=120.0, silence_seconds=20.0, connect_seconds=5.0)


def data_credential(configured: StorageCredential) -> DataCredential:
    """A configured credential for the storage layer."""
    secret = configured.access_key
    values = configured.model_dump(exclude={"access_key"})
    return DataCredential(**values, access_key=None if secret is None else secret.get_secret_value())


class LogPlaces:
    """Where logs go (`workflow_log.credential`), and what opens a place that a row names. Any thread."""

    def __init__(self, config: Callable[[], Config]) -> None:
        self._config = config
        self._lock = threading.Lock()
        # Clients are kept as long as their credential is the same.
        self._opened: dict[str, tuple[DataCredential | None, Stores]] = {}

    def current(self) -> str | None:
        """The URL of the place where logs go now; None where they stay with the gateway."""
        credential = self._config().workflow.workflow_log.credential
        return None if credential is None else credential.endpoint.rstrip("/")

    def stores(self, place: str) -> Stores:
        """What opens a place: by the credential of the setting or of a former one, else as this machine."""
        credential = self._credential(place)
        with self._lock:
            known = self._opened.get(place)
            if known is None or known[0] != credential:
                made = Stores({FILE_SCHEME: LocalStore(), **remote_stores(OneKey(credential), _PATIENCE)})
                known = self._opened[place] = (credential, made)
            return known[1]

    def _credential(self, place: str) -> DataCredential | None:
        settings = self._config().workflow.workflow_log
        for each in (settings.credential, *settings.former):
            if each is not None and each.endpoint.rstrip("/") == place:
                return data_credential(each)
        return None


def workflow_directory(place: str, workflow_id: str, uuid: WorkflowUuid) -> Location:
    """Where a workflow's objects are in a place. Errors: StoreError; UnsafeName."""
    # Ids repeat where several gateways share a place, uuids do not. The slash says that it is no object.
    below = parse_location(place).below(workflow_id, uuid)
    return Location(scheme=below.scheme, path=f"{below.path}/")
