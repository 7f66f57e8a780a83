"""Addresses in replies."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from gateway.ports.records import WorkflowRecord
from gateway.services.dashboards import Dashboards
from gateway.services.elapsed import queued_seconds, running_seconds
from gateway.services.links import Links
from gateway.services.versions import version_of, version_text
from pools.backend import Backend
from translator.lifecycle.words import WorkflowStatus
from translator.plan.model import Priority, WorkflowId, WorkflowUuid


def record(**changed: Any) -> WorkflowRecord:
    fields: dict[str, Any] = {
        "uuid": WorkflowUuid("a" * 32),
        "workflow_id": WorkflowId("hello-1"),
        "name": "hello",
        "number": 1,
        "submitted_by": "alice",
        "cancelled_by": None,
        "status": WorkflowStatus.RUNNING,
        "failure_message": None,
        "submit_time": datetime(2026, 1, 1, 12),
        "start_time": None,
        "end_time": None,
        "exec_timeout_seconds": None,
        "queue_timeout_seconds": None,
        "backend": "b",
        "pool": "p",
        "priority": Priority.NORMAL,
        "labels": {},
        "outputs": "",
        "parent": None,
        "app": None,
        "rsync": False,
        "sealed": False,
    }
    return WorkflowRecord(**fields | changed)


def test_links_of_a_workflow() -> None:
    links = Links(base="http://h:1")
    assert links.overview("w-1") == "http://h:1/workflows/w-1"
    assert links.recent_logs("w-1") == "http://h:1/api/workflow/w-1/logs?last_n_lines=1000"
    assert links.template("w-1") == "http://h:1/api/workflow/w-1/spec?use_template=true"
    assert links.task_events("w-1", "a b", 2) == "http://h:1/api/workflow/w-1/events?task_name=a+b&retry_id=2"


@pytest.mark.parametrize(
    ("start", "end", "queued", "running"),
    [
        (None, None, 3600.0, None),
        (datetime(2026, 1, 1, 12, 30), None, 1800.0, 1800.0),
        (datetime(2026, 1, 1, 12, 30), datetime(2026, 1, 1, 12, 31), 1800.0, 60.0),
        (None, datetime(2026, 1, 1, 12, 10), 600.0, None),
    ],
)
def test_times(start: datetime | None, end: datetime | None, queued: float, running: float | None) -> None:
    """api.md §2.8: queued_time is start (or end, or now) minus submit; duration is start to end or now."""
    now = datetime(2026, 1, 1, 13)
    assert queued_seconds(record(start_time=start, end_time=end), now) == queued
    assert running_seconds(start, end, now) == running


def test_dashboards_of_a_backend() -> None:
    tools = Dashboards(
        backends={"b": Backend(name="b", dashboard_url="https://k/", grafana_url="https://g", namespace="ns")}
    )
    assert tools.kubernetes("b", "hello-1") == "https://k/#/search?namespace=ns&q=hello-1"
    grafana = tools.grafana(record(start_time=datetime(2026, 1, 1)))
    assert grafana == (f"https://g?var-namespace=ns&var-workflow=hello-1&var-uuid={'a' * 32}&from=1767225600000&to=now")


def test_no_dashboard_where_none_is_configured() -> None:
    tools = Dashboards(backends={"b": Backend(name="b")})
    assert tools.kubernetes("b", "x") is None
    assert tools.kubernetes("gone", "x") is None
    assert tools.kubernetes(None, "x") is None
    assert tools.grafana(record()) is None


@pytest.mark.parametrize("text", ["6.4.0", "6.4.0.abc", "10.0.1"])
def test_versions_there_and_back(text: str) -> None:
    assert version_text(version_of(text)) == text


def test_a_short_version_is_filled_up() -> None:
    assert version_of("7").model_dump() == {"major": "7", "minor": "0", "revision": "0", "hash": ""}
