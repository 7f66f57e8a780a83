"""Addresses that replies carry. Source: api.md §2.7, §2.8."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Builds URLs below one base. Shape: `base` without slash at its end; "" gives paths alone."""

    base: str = ""

    def overview(self, workflow_id: str) -> str:
        """The page of a workflow."""
        return f"{self.base}/workflows/{workflow_id}"

    def spec(self, workflow_id: str) -> str:
        """The expanded spec."""
        return f"{self._workflow(workflow_id)}/spec"

    def template(self, workflow_id: str) -> str:
        """The spec as the user wrote it."""
        return f"{self.spec(workflow_id)}?use_template=true"

    def logs(self, workflow_id: str) -> str:
        """All logs of a workflow."""
        return f"{self._workflow(workflow_id)}/logs"

    def recent_logs(self, workflow_id: str) -> str:
        """The last lines of a workflow, then what follows."""
        return f"{self.logs(workflow_id)}?last_n_lines=1000"

    def error_logs(self, workflow_id: str) -> str:
        """The error logs of a workflow."""
        return f"{self._workflow(workflow_id)}/error_logs"

    def events(self, workflow_id: str) -> str:
        """The events of a workflow."""
        return f"{self._workflow(workflow_id)}/events"

    def task_logs(self, workflow_id: str, task: str, retry_id: int) -> str:
        """The log of one attempt."""
        return self.logs(workflow_id) + _attempt(task, retry_id)

    def task_error_logs(self, workflow_id: str, task: str, retry_id: int) -> str:
        """The error log of one attempt."""
        return self.error_logs(workflow_id) + _attempt(task, retry_id)

    def task_events(self, workflow_id: str, task: str, retry_id: int) -> str:
        """The events of one attempt."""
        return self.events(workflow_id) + _attempt(task, retry_id)

    def _workflow(self, workflow_id: str) -> str:
        return f"{self.base}/api/workflow/{workflow_id}"


def _attempt(task: str, retry_id: int) -> str:
    return "?" + urlencode({"task_name": task, "retry_id": retry_id})
