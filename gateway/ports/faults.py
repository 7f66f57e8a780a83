"""Why the store or the mirror could not do what was asked, sorted by what the caller does next."""

from __future__ import annotations

from collections.abc import Iterable

from translator.plan.model import WorkflowUuid


class StoreUnavailable(Exception):
    """The database cannot be reached, is locked too long, or its disk is full: the same call may succeed later."""


class StoreTooNew(Exception):
    """The database was written by a later version of argosmo; run that version, or another database."""


class KeyConflict(Exception):
    """The idempotency key was used for another request; a new request needs a new key."""

    def __init__(self, user: str, key: str) -> None:
        self.user = user
        self.key = key
        super().__init__(f"The Idempotency-Key {key!r} was already used for a different request; use a new key.")


class Fenced(Exception):
    """Another process owns these workflows now: what was decided here must not be written.

    Shape: `workflows` names them; nothing of the whole call was written.
    """

    def __init__(self, workflows: Iterable[WorkflowUuid]) -> None:
        self.workflows = tuple(workflows)
        super().__init__(f"owned by another process: {', '.join(self.workflows)}")


class UnknownRun(Exception):
    """There is no workflow with this uuid in the database."""


class BadPattern(Exception):
    """A regular expression cannot be used; the message says why."""


class LogGone(Exception):
    """A part of a log is not where it should be; the message says where that is, and what may help."""


class LogUnreachable(Exception):
    """The place where a log is does not answer: the same call may succeed later."""
