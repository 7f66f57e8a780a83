"""`workflow explain`, and what `workflow query` says of tasks that wait."""

from __future__ import annotations

from typing import Any

import pytest

from cli.main import main
from tests.unit.cli.gateway_stub import Answer, GatewayStub

PLACE = "https://argo.example/workflows/argo/w-1-1f0c?tab=workflow"
REASON = "No node fits: 1 of 1 nodes lack cpu (64 asked)."


def explained(**first: Any) -> dict[str, Any]:
    waits = {"kind": "upstream", "message": "Waits for g to complete.", "since": None}
    return {
        "name": "w-1",
        "status": "PENDING",
        "argo_url": PLACE,
        "tasks": [
            {"name": "a", "status": "SCHEDULING", "waiting": None, "node_name": None, "argo_url": f"{PLACE}&nodeId=1"}
            | first,
            {"name": "b", "status": "WAITING", "waiting": waits, "node_name": None, "argo_url": None},
        ],
    }


def detail(status: str = "SCHEDULING") -> dict[str, Any]:
    return {
        "name": "w-1",
        "status": "PENDING",
        "submitted_by": "me",
        "submit_time": "2026-01-01T00:00:00",
        "overview": "http://here/workflows/w-1",
        "groups": [{"tasks": [{"name": "a", "status": status}, {"name": "b", "status": "WAITING"}]}],
    }


WAITING = {"waiting": {"kind": "node", "message": REASON, "since": None}}


def test_explain_shows_reasons_and_links(gateway: GatewayStub, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.on("GET /api/argosmo/v1/workflow/w-1/explain", explained(**WAITING))
    assert main(["workflow", "explain", "w-1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "w-1: PENDING"
    assert any(line.startswith("a ") and line.endswith(REASON) for line in lines)
    assert any(line.startswith("b ") and line.endswith("Waits for g to complete.") for line in lines)
    assert lines[-2:] == [f"Argo: {PLACE}", f"a: {PLACE}&nodeId=1"]


def test_query_says_why_a_task_does_not_run(gateway: GatewayStub, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.on("GET /api/workflow/w-1", detail())
    gateway.on("GET /api/argosmo/v1/workflow/w-1/explain", explained(**WAITING))
    assert main(["workflow", "query", "w-1"]) == 0
    # Waiting for other tasks is what the table shows already.
    assert capsys.readouterr().out.endswith(f"\n\na: {REASON}\n")


@pytest.mark.parametrize("status", ["RUNNING", "COMPLETED"])
def test_query_does_not_ask_where_nothing_waits(gateway: GatewayStub, status: str) -> None:
    gateway.on("GET /api/workflow/w-1", detail(status))
    assert main(["workflow", "query", "w-1"]) == 0
    assert not any("explain" in line for line in gateway.lines)


def test_query_bears_a_server_that_has_no_reasons(gateway: GatewayStub, capsys: pytest.CaptureFixture[str]) -> None:
    """A server of OSMO's own knows no such route."""
    gateway.on("GET /api/workflow/w-1", detail())
    gateway.on("GET /api/argosmo/v1/workflow/w-1/explain", Answer(status=404, body=b'{"detail": "Not Found"}'))
    assert main(["workflow", "query", "w-1"]) == 0
    assert "Not Found" not in capsys.readouterr().out
