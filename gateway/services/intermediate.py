"""Where runs keep what tasks hand to each other, as the gateway itself reaches it."""

from __future__ import annotations

from dataclasses import dataclass, field

from pools.backend import Backend
from storage.credentials import DataCredential, OneKey
from storage.local import LocalStore
from storage.patience import Patience
from storage.remote import remote_stores
from storage.stores import Stores
from storage.urls import FILE_SCHEME, Location, parse_location

# A request waits for it.
_PATIENCE = Patience(tries=3, request_seconds=60.0, silence_seconds=20.0, connect_seconds=5.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class IntermediateData:
    """The configured place (`workflow_data.credential`), else a directory of this machine for the local engine.

    Shape: `here` is a URL; `key` None where nothing is configured.
    """

    here: str
    key: DataCredential | None = field(repr=False)

    def location(self, backend: Backend | None) -> Location | None:
        """Where runs of a backend have their data, None of one that is gone; None where they have nowhere to put it."""
        if self.key is not None:
            return parse_location(self.key.endpoint)
        return parse_location(self.here) if backend is None or backend.is_local else None

    def stores(self) -> Stores:
        """What opens it."""
        return Stores({FILE_SCHEME: LocalStore(), **remote_stores(OneKey(self.key), _PATIENCE)})
