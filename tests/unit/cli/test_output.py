"""What a person sees of the server's replies. Source: api.md §5, Appendix A."""

from __future__ import annotations

import json

import pytest

from cli.main import main
from cli.output import table_lines
from tests.unit.cli.gateway_stub import Answer, GatewayStub

ROW = {
    "user": "alice",
    "name": "hello-1",
    "workflow_uuid": "0" * 32,
    "submit_time": "2025-11-21T22:33:44.123456",
    "start_time": None,
    "end_time": None,
    "queued_time": 1.5,
    "duration": None,
    "status": "PENDING",
    "overview": "http://H/workflows/hello-1",
    "pool": "default",
    "priority": "NORMAL",
    "labels": {"team": "a"},
}
DETAIL = {
    "name": "hello-1",
    "status": "RUNNING",
    "submitted_by": "alice",
    "submit_time": "2025-11-21T22:33:44",
    "overview": "http://H/workflows/hello-1",
    "labels": {},
    "groups": [
        {
            "tasks": [
                {"name": "one", "status": "RUNNING", "start_time": "2025-11-21T22:34:00", "retry_id": 1},
                {"name": "one", "status": "RESCHEDULED", "start_time": "2025-11-21T22:33:50", "retry_id": 0},
            ]
        },
        {"tasks": [{"name": "two", "status": "WAITING", "start_time": None, "retry_id": 0}]},
    ],
}


def test_table() -> None:
    """Tables are plain text columns with a line of = under the header."""
    assert table_lines(("A", "Long"), [("wide cell", "x"), ("y", "z\nz")]) == [
        "A           Long",
        "================",
        "wide cell   x",
        "y           z z",
    ]


def test_workflow_list(gateway: GatewayStub, capsys: pytest.CaptureFixture[str]) -> None:
    """Columns user, name, submit_time, status, priority, labels, overview; times in the local zone."""
    gateway.on("GET /api/workflow", {"workflows": [ROW], "more_entries": False})
    assert main(["workflow", "list"]) == 0
    header, rule, row = capsys.readouterr().out.splitlines()
    assert header.split() == ["User", "Workflow", "ID", "Submit", "Time", "Status", "Priority", "Labels", "Overview"]
    assert set(rule) == {"="}
    assert row.split() == [
        *("alice", "hello-1", "Nov", "21,", "2025", "22:33", "UTC", "PENDING", "NORMAL", "team=a"),
        "http://H/workflows/hello-1",
    ]


def test_list_asks_page_by_page_and_shows_the_newest_last(
    gateway: GatewayStub, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pages of at most 1000, order=DESC, reversed locally."""
    pages = [range(2500, 1500, -1), range(1500, 500, -1), range(500, 400, -1)]
    for number, page in enumerate(pages):
        rows = [ROW | {"name": f"hello-{index}"} for index in page]
        gateway.on("GET /api/workflow", {"workflows": rows, "more_entries": number < 2})
    assert main(["workflow", "list", "-c", "2100", "-t", "json"]) == 0
    names = [row["name"] for row in json.loads(capsys.readouterr().out)["workflows"]]
    assert names == [f"hello-{index}" for index in range(401, 2501)]
    assert [line.partition("True&")[2] for line in gateway.lines] == [
        "limit=1000&offset=0",
        "limit=1000&offset=1000",
        "limit=100&offset=2000",
    ]


def test_list_as_json_keeps_every_field(gateway: GatewayStub, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON output is the reply, also what this client does not know."""
    gateway.on("GET /api/workflow", {"workflows": [ROW | {"later": [1]}], "more_entries": False})
    assert main(["workflow", "list", "-t", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"workflows": [ROW | {"later": [1]}]}


def test_query(gateway: GatewayStub, capsys: pytest.CaptureFixture[str]) -> None:
    """Header lines and a table of tasks, with the retry id if -v."""
    gateway.on("GET /api/workflow/hello-1", DETAIL)
    assert main(["workflow", "query", "hello-1", "-v"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Workflow ID : hello-1",
        "Status      : RUNNING",
        "User        : alice",
        "Submit Time : Nov 21, 2025 22:33 UTC",
        "Overview    : http://H/workflows/hello-1",
        "",
        "Task Name   Retry ID   Start Time               Status",
        "===========================================================",
        "one         1          Nov 21, 2025 22:34 UTC   RUNNING",
        "one         0          Nov 21, 2025 22:33 UTC   RESCHEDULED",
        "two         0          -                        WAITING",
    ]


def test_submit(gateway: GatewayStub, capsys: pytest.CaptureFixture[str]) -> None:
    """Id, overview, dashboard and every warning are printed."""
    reply = {"name": "hello-2", "overview": "http://H/2", "dashboard_url": "http://D", "warnings": ["w1", "w2"]}
    gateway.on("POST /api/pool/default/workflow", reply)
    assert main(["workflow", "submit", "hello-1", "-p", "default"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Workflow submit successful.",
        "    Workflow ID        - hello-2",
        "    Workflow Overview  - http://H/2",
        "    Workflow Dashboard - http://D",
        "w1",
        "w2",
    ]


def test_logs_are_printed_as_they_come(gateway: GatewayStub, capsys: pytest.CaptureFixture[str]) -> None:
    """A line may come in several chunks, and a chunk may hold several lines, in UTF-8."""
    text = "one\ntwo ü three\nlast".encode()
    chunks = tuple(text[at : at + 5] for at in range(0, len(text), 5))
    gateway.on("GET /api/workflow/hello-1/logs", Answer(chunks=chunks))
    assert main(["workflow", "logs", "hello-1"]) == 0
    assert capsys.readouterr().out == "one\ntwo ü three\nlast\n"


def test_logs_cut_off(gateway: GatewayStub, capsys: pytest.CaptureFixture[str]) -> None:
    """A body cut without the final chunk: a note that the stream timed out, exit 0."""
    gateway.on("GET /api/workflow/hello-1/logs", Answer(chunks=(b"one\ntw",), cut=True))
    assert main(["workflow", "logs", "hello-1"]) == 0
    shown = capsys.readouterr()
    assert shown.out == "one\ntw\n"
    assert "timed out" in shown.err


def test_cancel_of_several(gateway: GatewayStub, capsys: pytest.CaptureFixture[str]) -> None:
    """One line each; failures are printed and the exit code stays 0."""
    refusal = {"message": "Workflow b-1 is already finished.", "error_code": "USER", "workflow_id": "b-1"}
    gateway.on("POST /api/workflow/a-1/cancel", {"name": "a-1"})
    gateway.on("POST /api/workflow/b-1/cancel", Answer(status=400, body=json.dumps(refusal).encode()))
    gateway.on("POST /api/workflow/c-1/cancel", {"name": "c-1"})
    assert main(["workflow", "cancel", "a-1", "b-1", "c-1"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Cancellation of workflow a-1 was requested.",
        "Error message: Workflow b-1 is already finished.",
        "Error code: 400",
        "Cancellation of workflow c-1 was requested.",
    ]


def test_pool_list(gateway: GatewayStub, capsys: pytest.CaptureFixture[str]) -> None:
    """The capacity of second and later pools of a set is printed with (shared)."""
    usage = {
        "quota_used": "1",
        "quota_free": "3",
        "quota_limit": "4",
        "total_usage": "2",
        "total_capacity": "8",
        "total_free": "6",
    }
    pools = [
        {"name": name, "description": name.upper(), "status": "ONLINE", "resource_usage": usage} for name in ("a", "b")
    ]
    gateway.on("GET /api/pool_quota", {"node_sets": [{"pools": pools}], "resource_sum": usage})
    assert main(["pool", "list"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["a", "A", "ONLINE", "1", "4", "2", "8"] in rows
    assert ["b", "B", "ONLINE", "1", "4", "2", "8", "(shared)"] in rows
    assert rows[-1] == ["Total", "1", "4", "2", "8"]


def test_resource_list_and_info(gateway: GatewayStub, capsys: pytest.CaptureFixture[str]) -> None:
    """The first choice is `platform_allocatable_fields`; KiB and bytes are shown as GiB."""
    node = {
        "hostname": "n1",
        "backend": "local",
        "resource_type": "RESERVED",
        "exposed_fields": {"node": "n1", "pool/platform": ["default/cpu"], "cpu": "8"},
        "allocatable_fields": {"cpu": 8, "memory": "33554432Ki", "storage": 107374182400, "gpu": 1},
        "platform_allocatable_fields": {"default": {"cpu": {"cpu": 7, "memory": "32505856Ki"}}},
        "usage_fields": {"cpu": 2, "memory": "1048576Ki", "storage": 0, "gpu": 0},
        "config_fields": {"default": {"cpu": {"privileged": True, "allowed_mounts": ["/data"]}}},
    }
    gateway.on("GET /api/pool", {"pools": {"default": {}}})
    gateway.on("GET /api/resources", {"resources": [node]})
    gateway.on("GET /api/resources/n1", {"resources": [node]})
    assert main(["resource", "list", "-p", "default"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == ["n1", "default", "cpu", "RESERVED", "0/0", "2/7", "1/31", "0/0"]
    assert lines[-1].split() == ["Total", "0/100", "2/8", "1/32", "0/1"]
    assert main(["resource", "info", "n1"]) == 0
    shown = capsys.readouterr().out
    assert "privileged: allowed" in shown
    assert "allowed mounts: /data" in shown


def test_task_sums(gateway: GatewayStub, capsys: pytest.CaptureFixture[str]) -> None:
    """The client adds up storage, cpu, memory, gpu."""
    row = {"user": "alice", "pool": "default", "priority": "LOW", "storage": 1.5, "cpu": 2, "memory": 4.0, "gpu": 1}
    gateway.on("GET /api/task", {"summaries": [row, row | {"user": "bob"}]})
    assert main(["task", "list", "-S"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == ["Total", "3", "4", "8", "2"]


def test_profile_list(gateway: GatewayStub, capsys: pytest.CaptureFixture[str]) -> None:
    """A tree of text."""
    gateway.on(
        "GET /api/profile/settings",
        {
            "profile": {"username": "alice", "email_notification": True, "slack_notification": False, "pool": "a"},
            "roles": ["osmo-user"],
            "pools": ["a", "b"],
            "token": {"name": "mytok", "expires_at": "2026-01-01T00:00:00"},
        },
    )
    assert main(["profile", "list"]) == 0
    shown = capsys.readouterr().out
    assert "  name: alice\n" in shown
    assert "  default: a\n" in shown
    assert "  expires: 2026-01-01\n" in shown


def test_warning_header(gateway: GatewayStub, capsys: pytest.CaptureFixture[str]) -> None:
    """The client prints the decoded warning on standard error."""
    gateway.on("GET /api/tag", Answer(body=b'{"tags": []}', headers={"x-osmo-warning": "aGVsbG8="}))
    assert main(["workflow", "tag"]) == 0
    assert capsys.readouterr().err == "hello\n"
