"""Why tasks do not run, and where their cluster shows them. Ours, not OSMO's."""

from __future__ import annotations

from gateway.schemas.wire import Reply, Timestamp
from translator.lifecycle.words import TaskStatus, WorkflowStatus


class WaitingEntry(Reply):
    """Why an attempt does not run yet.

    Shape: `kind` is `upstream`, `quota`, `node`, `volume`, `image`, `config` or `start`; `since` is when it was last
    reported.
    """

    kind: str
    message: str
    since: Timestamp | None = None


class TaskExplained(Reply):
    """The latest attempt of one task. Shape: `waiting` null where it runs or has ended, `argo_url` without a page."""

    name: str
    group: str
    retry_id: int
    status: TaskStatus
    waiting: WaitingEntry | None
    pod_name: str | None
    node_name: str | None
    argo_url: str | None


class WorkflowExplained(Reply):
    """One workflow. Shape: `argo_url` null where there is no page of Argo's, or no more."""

    name: str
    status: WorkflowStatus
    argo_url: str | None
    tasks: list[TaskExplained]
