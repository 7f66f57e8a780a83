"""Links into the tools that administrators run beside a backend. Source: api.md §2.7, §8.3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from gateway.ports.records import WorkflowRecord
from pools.backend import Backend


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboards:
    """The tools of all backends, by the backend's name."""

    backends: Mapping[str, Backend]

    def kubernetes(self, backend: str | None, search: str) -> str | None:
        """A search in the Kubernetes dashboard of a backend; None where it has none."""
        found = self.backends.get(backend or "")
        if found is None or not found.dashboard_url:
            return None
        query = urlencode({"namespace": found.namespace, "q": search})
        return f"{found.dashboard_url.rstrip('/')}/#/search?{query}"

    def grafana(self, record: WorkflowRecord) -> str | None:
        """The backend's Grafana dashboard with one workflow and its time chosen; None where it has none."""
        found = self.backends.get(record.backend or "")
        if found is None or not found.grafana_url:
            return None
        variables = {
            "var-namespace": found.namespace,
            "var-workflow": record.workflow_id,
            "var-uuid": record.uuid,
            "from": _milliseconds(record.start_time or record.submit_time),
            "to": "now" if record.end_time is None else _milliseconds(record.end_time),
        }
        joint = "&" if "?" in found.grafana_url else "?"
        return found.grafana_url + joint + urlencode(variables)


def _milliseconds(moment: datetime) -> str:
    return str(int(moment.replace(tzinfo=UTC).timestamp() * 1000))
