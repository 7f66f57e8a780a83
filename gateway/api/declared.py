"""What every route declares about itself: the action that a caller needs a right for, and how it refuses.

Source: api.md §3.4. The action stands in the OpenAPI document as `x-osmo-action`; a test finds routes without one.
"""

from __future__ import annotations

from typing import Any

from gateway.schemas.errors import ErrorEnvelope, ServerFault

ACTION = "x-osmo-action"
PUBLIC = "public"
"""Stands for an action where no right is needed."""

REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorEnvelope, "description": "The request is refused; the message says why"},
    500: {"model": ServerFault, "description": "The gateway failed"},
}
CONNECTING: dict[int | str, dict[str, Any]] = REFUSALS | {
    403: {"model": ErrorEnvelope, "description": "Not enabled for this workflow"},
    404: {"model": ErrorEnvelope, "description": "No such task, or it runs no more"},
    410: {"model": ErrorEnvelope, "description": "The workflow is finished"},
    425: {"model": ErrorEnvelope, "description": "Not running yet"},
}
DATASETS: dict[int | str, dict[str, Any]] = REFUSALS | {
    403: {"model": ErrorEnvelope, "description": "Only for the owner and administrators"},
    404: {"model": ErrorEnvelope, "description": "No such dataset, version or tag"},
    409: {"model": ErrorEnvelope, "description": "It is there already"},
}
PASSPORT: dict[int | str, dict[str, Any]] = REFUSALS | {
    200: {"content": {"application/json": {"schema": {"type": "object"}}}},
    404: {"model": ErrorEnvelope, "description": "The task uploaded nothing, or its data was removed"},
}
RETENTION: dict[int | str, dict[str, Any]] = REFUSALS | {
    403: {"model": ErrorEnvelope, "description": "Only for administrators"},
}
TEXT: dict[int | str, dict[str, Any]] = REFUSALS | {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
LOGS: dict[int | str, dict[str, Any]] = TEXT | {
    404: {"model": ErrorEnvelope, "description": "The log, or its beginning, is not where it was kept"},
    503: {"model": ServerFault, "description": "The place of logs does not answer"},
}


def action(name: str) -> dict[str, Any]:
    """The declaration for a route's `openapi_extra`. Shape: `name` as in OSMO's policies, or PUBLIC."""
    return {ACTION: name}
