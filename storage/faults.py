"""What can go wrong with a store, sorted by what the caller does next."""

from __future__ import annotations


class StoreError(Exception):
    """A location could not be read or written; the message says which and what to do."""


class StoreRefused(StoreError):
    """A store knows the request and will not carry it out for this credential."""


class NoSuchObject(StoreError):
    """The store answered, and there is no object of this name."""


class UnsupportedLocation(StoreError):
    """No store that is set up here can serve this URL."""


class OutsideOfTree(StoreError):
    """A name or a link leads out of the directory that it belongs to."""


class TransferStopped(Exception):
    """The transfer was told to stop and did."""
