"""What the gateway around a runner knows and keeps, as far as a runner of a shared cluster needs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.ports.logs import LogEnds
from translator.plan.model import WorkflowUuid


def _always() -> bool:
    return True


def _never(_uuid: WorkflowUuid) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Asked by one runner. All of it may be asked from any thread.

    Shape: `may_act` is false while another process acts on the backend; `is_sealed` whether a workflow is known and
    over (Errors: StoreUnavailable); `logs` tells how far logs were kept, None: they begin anew; `signing_key` is the
    same for all processes on one database, None: one of this process alone.
    """

    may_act: Callable[[], bool] = _always
    is_sealed: Callable[[WorkflowUuid], bool] = _never
    logs: LogEnds | None = None
    signing_key: bytes | None = field(default=None, repr=False)
