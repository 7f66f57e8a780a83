"""One bucket with the clients that speak to it, made anew when their credential was replaced."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from storage.addresses import Address
from storage.clients import Clients, Store, clients_for
from storage.connections import Connections
from storage.credentials import DataCredential, Keyring
from storage.patience import Patience
from storage.remote_faults import REMOTE_ERRORS, explained, may_be_refusal
from storage.s3_wire import S3Wire
from storage.urls import Location

# Parts go from the system's cache; ranges are in memory; of small files each needs as long as an answer is on its way.
_MOST_PARTS = 20
_MOST_RANGES = 20
_MOST_FILES = 48


@dataclass(slots=True)
class Bucket:
    """The bucket of some location. Any thread.

    Shape: how many connections are worth having for parts of large files, for ranges of large objects, and for others
    up and down.
    """

    keys: Keyring
    location: Location
    address: Address
    patience: Patience
    parts: Connections = field(default_factory=lambda: Connections(_MOST_PARTS))
    ranges: Connections = field(default_factory=lambda: Connections(_MOST_RANGES))
    files_up: Connections = field(default_factory=lambda: Connections(_MOST_FILES))
    files_down: Connections = field(default_factory=lambda: Connections(_MOST_FILES))
    _credential: DataCredential | None = field(default=None, repr=False)
    _clients: Clients | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def clients(self) -> Clients:
        """What speaks to it now. Errors: StoreError where there is no credential, or a malformed one."""
        with self._lock:
            if self._clients is None:
                self._credential = self.keys.credential(self.location)
                self._clients = self._made()
            return self._clients

    @property
    def store(self) -> Store:
        """The client of obstore."""
        return self.clients.store

    @property
    def wire(self) -> S3Wire | None:
        """The other client."""
        return self.clients.wire

    def renewed(self, used: Clients, error: Exception) -> bool:
        """Whether a refused request is worth another try: the credential is another one by now."""
        if not may_be_refusal(error):
            return False
        with self._lock:
            if self._clients is not used:
                return True
            credential = self.keys.credential(self.location)
            if credential == self._credential:
                return False
            self._credential, self._clients = credential, None
            self._clients = self._made()
            return True

    def _made(self) -> Clients:
        try:
            return clients_for(self.address, self.location.scheme, self._credential, self.patience)
        except REMOTE_ERRORS as error:
            raise explained(error, self.location.url) from error
