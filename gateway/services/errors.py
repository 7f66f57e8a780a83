"""Why a use case says no, sorted by what the caller can do about it.

A wrong spec is `translator.problems.SpecError`; everything else that is the caller's matter is a `Refusal`. HTTP is not
known here: `gateway.api.errors` has the table that turns these types into status codes.
"""

from __future__ import annotations

from translator.problems import ErrorCode


class Refusal(Exception):
    """The request cannot be done as asked; another request may be.

    Shape: `message` says what was expected and what to do; `error_code` is OSMO's class; `workflow_id` names the
    workflow it is about, where one is known.
    """

    def __init__(self, message: str, *, error_code: ErrorCode = ErrorCode.USER, workflow_id: str | None = None) -> None:
        self.message = message
        self.error_code = error_code
        self.workflow_id = workflow_id
        super().__init__(message)


class UnknownWorkflow(Refusal):
    """No such workflow, group, task or attempt in the records."""

    def __init__(self, message: str, *, workflow_id: str | None = None) -> None:
        super().__init__(message, error_code=ErrorCode.DATABASE, workflow_id=workflow_id)


class NotThere(Refusal):
    """What the caller wants to connect to does not exist, or runs no more."""


class TooEarly(Refusal):
    """What the caller wants to connect to does not run yet; the same request may succeed later."""


class Gone(Refusal):
    """The workflow is finished; the same request will never succeed."""


class Forbidden(Refusal):
    """The caller, or the workflow, may not do this."""


class Conflict(Refusal):
    """The request contradicts an earlier one."""
