"""The bodies of refusals. Source: api.md §1.5."""

from __future__ import annotations

from gateway.schemas.wire import Reply


class ProblemEntry(Reply):
    """One thing wrong with a spec. Shape: line and column count from 1, null where there is no place."""

    code: str
    message: str
    path: str
    line: int | None
    column: int | None
    severity: str


class ErrorEnvelope(Reply):
    """OSMO's error body; `problems` is ours and stands only beside a refused spec."""

    message: str
    error_code: str
    workflow_id: str | None = None
    problems: list[ProblemEntry] | None = None


class ServerFault(Reply):
    """The body of a 500: no `error_code`, so that clients know the fault is not theirs."""

    message: str


class FieldFault(Reply):
    """One part of a request that has the wrong form."""

    loc: list[str | int]
    msg: str
    type: str


class ValidationFaults(Reply):
    """The body of a 422."""

    detail: list[FieldFault]
