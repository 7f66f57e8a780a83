"""What the API server answered, sorted by what the caller does next."""

from __future__ import annotations


class ClusterError(Exception):
    """Base of all; `reason` is Kubernetes' own word where it gave one."""

    def __init__(self, message: str, *, status: int = 0, reason: str = "") -> None:
        self.status = status
        self.reason = reason
        super().__init__(message)


class TryAgain(ClusterError):
    """It may work later: no connection, a time-out, 429, 5xx. Units: `after_seconds` as the server asked, or None."""

    def __init__(self, message: str, *, status: int = 0, reason: str = "", after_seconds: float | None = None) -> None:
        self.after_seconds = after_seconds
        super().__init__(message, status=status, reason=reason)


class Refused(ClusterError):
    """The same request will never work: 400, 401, 403, 413, 422 and what else is new; say it to the user."""


class NotThere(ClusterError):
    """There is no such object: 404."""


class Conflict(ClusterError):
    """The object exists already, or was changed by another in the meantime: 409."""


class Expired(ClusterError):
    """The resource version is too old: 410. List again."""


class Stalled(ClusterError):
    """A stream was silent for longer than a living one can be. List again."""


class AccessError(Exception):
    """The cluster's address or credentials cannot be read; the message says which file or field to mend."""
