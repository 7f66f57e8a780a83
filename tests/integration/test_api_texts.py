"""Logs, events, error logs, live progress: api.md §2.9."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.api_support import BASE, HELLO, Api, one_task, running_api

STAMP = "2026/02/12 08:38:57"
RETRIED = """\
workflow:
  name: retried
  tasks:
  - name: t
    image: i
    command: [echo]
    environment: {DUMMY_EXIT_CODE: '7,8', DUMMY_LOG: "one\\ntwo"}
    exitActions: {RESCHEDULE: '7'}
"""
TWO = """\
workflow:
  name: two
  groups:
  - name: g
    tasks:
    - {name: a, lead: true, image: i, command: [echo], environment: {DUMMY_LOG: "from a\\nagain a"}}
    - {name: b, image: i, command: [echo], environment: {DUMMY_LOG: from b}}
"""


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with running_api(tmp_path, follow_idle_seconds=20, heartbeat_seconds=0.2) as running:
        yield running


def logs(api: Api, name: str, **params: Any) -> str:
    reply = api.get(f"/api/workflow/{name}/logs", **params)
    assert reply.status_code == 200, reply.text
    return reply.content.decode()


class TestLogs:
    def test_lines_and_headers(self, api: Api) -> None:
        """api.md §2.9: `YYYY/MM/DD HH:MM:SS [task] text`, UTC."""
        reply = api.get(f"/api/workflow/{api.accepted()}/logs")
        assert reply.content.decode() == f"{STAMP} [hello] Hello from OSMO!\n"
        assert reply.headers["content-type"] == "text/plain; charset=us-ascii"
        assert reply.headers["x-content-type-options"] == "nosniff"

    def test_retries_are_marked_and_the_latest_is_shown_of_a_task(self, api: Api) -> None:
        name = api.accepted(RETRIED)
        lines = logs(api, name).splitlines()
        assert lines[:4] == [
            f"{STAMP} [t] one",
            f"{STAMP} [t] two",
            f"{STAMP} [t retry-1] one",
            f"{STAMP} [t retry-1] two",
        ]
        latest = f"{STAMP} [t retry-1] one\n{STAMP} [t retry-1] two\n"
        assert logs(api, name, task_name="t") == latest
        assert logs(api, name, task_name="t", retry_id=1) == latest
        assert logs(api, name, task_name="t", retry_id=0) == latest.replace(" retry-1", "")

    def test_filters(self, api: Api) -> None:
        name = api.accepted(TWO)
        assert logs(api, name, task_name="b") == f"{STAMP} [b] from b\n"
        assert logs(api, name, query=r"\[a\] again") == f"{STAMP} [a] again a\n"
        assert logs(api, name, query="from", task_name="a") == f"{STAMP} [a] from a\n"
        assert logs(api, name, query="nothing") == ""
        assert logs(api, name, task_name="a", last_n_lines=1) == f"{STAMP} [a] again a\n"
        assert len(logs(api, name, last_n_lines=2).splitlines()) == 2
        assert len(logs(api, name, last_n_lines=10**30).splitlines()) == 3

    @pytest.mark.parametrize(
        "params", [{"query": "("}, {"query": "x" * 5000}, {"last_n_lines": 0}, {"last_n_lines": -1}]
    )
    def test_refusals(self, api: Api, params: dict[str, Any]) -> None:
        reply = api.get(f"/api/workflow/{api.accepted()}/logs", **params)
        assert (reply.status_code, reply.json()["error_code"]) == (400, "USER")

    def test_an_expression_that_never_ends_is_ended(self, api: Api) -> None:
        name = api.accepted(one_task("slow", log="a" * 5000 + "!"))
        begin = time.monotonic()
        reply = api.get(f"/api/workflow/{name}/logs", query="(a|aa)+$")
        assert time.monotonic() - begin < 10
        assert "simpler" in reply.text

    def test_a_failed_workflow_has_a_closing_banner(self, api: Api) -> None:
        name = api.accepted(one_task("fails", exit_code="1", log="oh"))
        banner = logs(api, name)
        assert f"Workflow {name} failed with status FAILED." in banner
        assert f"Status: {BASE}/workflows/{name}" in banner
        assert f"Error logs: {BASE}/api/workflow/{name}/error_logs" in banner
        assert "Status:" not in logs(api, name, task_name="fails")
        assert "Status:" not in logs(api, name, query="oh")

    def test_a_refused_submission_says_why(self, api: Api) -> None:
        api.submit(HELLO.replace("image:", "imag:"))
        assert "Field required" in logs(api, "hello-1")

    def test_many_lines_come_whole(self, api: Api) -> None:
        name = api.accepted(one_task("many", log="\n".join(f"line {number}" for number in range(20_000))))
        lines = logs(api, name).splitlines()
        assert len(lines) == 20_000
        assert lines[-1].endswith("line 19999")
        assert logs(api, name, query="line 19999$") == f"{STAMP} [many] line 19999\n"


class TestFollowing:
    def test_a_log_is_followed_until_the_workflow_has_finished(self, api: Api) -> None:
        name = api.accepted(one_task("long", seconds="5", log="begun"))
        with api.client.stream("GET", f"/api/workflow/{name}/logs") as reply:
            lines = reply.iter_lines()
            assert next(lines) == f"{STAMP} [long] begun"
            api.pass_time(6)
            assert list(lines) == []

    def test_last_n_lines_limits_only_the_backlog(self, api: Api) -> None:
        name = api.accepted(RETRIED.replace("DUMMY_LOG", "DUMMY_SECONDS: '5', DUMMY_LOG"))
        with api.client.stream("GET", f"/api/workflow/{name}/logs?last_n_lines=1") as reply:
            lines = reply.iter_lines()
            assert next(lines) == f"{STAMP} [t] two"
            api.pass_time(6)
            assert [line.split("] ")[1] for line in (next(lines), next(lines))] == ["one", "two"]

    def test_events_are_followed_until_the_workflow_has_finished(self, api: Api) -> None:
        name = api.accepted(one_task("long", seconds="5"))
        with api.client.stream("GET", f"/api/workflow/{name}/events") as reply:
            lines = reply.iter_lines()
            assert "Started" in [next(lines) for _ in range(3)][-1]
            api.pass_time(6)
            assert [line.split("[long] ")[1] for line in lines] == ["Completed: long is COMPLETED"]

    def test_a_silent_follow_ends(self, tmp_path: Path) -> None:
        """api.md §2.9 [ours]: end idle follows."""
        with running_api(tmp_path, follow_idle_seconds=0.1) as impatient:
            name = impatient.accepted(one_task("long", stays="RUNNING", log="begun"))
            assert logs(impatient, name) == f"{STAMP} [long] begun\n"
            assert impatient.get(f"/api/workflow/{name}/events").status_code == 200

    @pytest.mark.parametrize("path", ["workflow/long-1/logs", "argosmo/v1/workflow/long-1/events/stream"])
    def test_streams_end_at_shutdown(self, api: Api, path: str) -> None:
        api.accepted(one_task("long", seconds="5", log="begun"))
        with api.client.stream("GET", f"/api/{path}") as reply:
            lines = reply.iter_lines()
            next(lines)
            assert len(api.gateway.context.streams) == 1
            api.end_streams()
            assert "end" not in [line.partition(": ")[2] for line in lines]
        assert len(api.gateway.context.streams) == 0

    def test_a_reader_who_leaves_lets_go(self, api: Api) -> None:
        name = api.accepted(one_task("long", seconds="5", log="begun"))
        with api.client.stream("GET", f"/api/workflow/{name}/logs") as reply:
            assert next(reply.iter_lines())
        assert len(api.gateway.context.streams) == 0


class TestErrorLogs:
    def test_of_an_attempt(self, api: Api) -> None:
        name = api.accepted(one_task("fails", exit_code="1", log="\n".join(f"l{number}" for number in range(150))))
        path = f"/api/workflow/{name}/error_logs"
        lines = api.get(path, task_name="fails").text.splitlines()
        assert len(lines) == 100, "up to max_error_log_lines"
        assert lines[-1] == f"{STAMP} [fails] l149"
        assert api.get(path, task_name="fails", last_n_lines=1).text == f"{STAMP} [fails] l149\n"

    def test_where_to_find_them(self, api: Api) -> None:
        name = api.accepted(RETRIED)
        intro, _, table = api.get(f"/api/workflow/{name}/error_logs").text.partition("\n")
        assert name in intro
        url = f"{BASE}/api/workflow/{name}/error_logs?task_name=t"
        assert json.loads(table) == {"t retry-1": f"{url}&retry_id=1", "t": f"{url}&retry_id=0"}

    def test_none(self, api: Api) -> None:
        name = api.accepted()
        assert api.get(f"/api/workflow/{name}/error_logs").text == f"Workflow {name} has no error logs.\n"
        refused = api.get(f"/api/workflow/{name}/error_logs", task_name="hello")
        assert (refused.status_code, refused.json()["error_code"]) == (400, "USER")


class TestEvents:
    def test_lines(self, api: Api) -> None:
        """api.md §2.9: `2026-02-12 08:38:57+00:00 [task] Reason: message`, or `[task retry-1]`."""
        name = api.accepted(RETRIED)
        lines = api.get(f"/api/workflow/{name}/events").text.splitlines()
        assert lines[0] == "2026-02-12 08:38:57+00:00 [t] Scheduled: t is SCHEDULING"
        of_retry = api.get(f"/api/workflow/{name}/events", task_name="t", retry_id=1).text.splitlines()
        assert of_retry
        assert all("[t retry-1]" in line for line in of_retry)
        assert set(api.get(f"/api/workflow/{name}/events", task_name="t").text.splitlines()) == set(lines)

    def test_of_a_refused_submission(self, api: Api) -> None:
        api.submit(HELLO.replace("image:", "imag:"))
        assert api.get("/api/workflow/hello-1/events").text == ""


def messages(text: str) -> list[dict[str, str]]:
    """Server-sent events as maps of their fields."""
    return [
        dict(line.split(": ", 1) for line in block.splitlines())
        for block in text.split("\n\n")
        if block and not block.startswith(":")
    ]


class TestProgress:
    def stream(self, api: Api, name: str, last: str | None = None) -> Any:
        headers = {} if last is None else {"Last-Event-ID": last.encode()}
        return api.client.get(f"/api/argosmo/v1/workflow/{name}/events/stream", headers=headers)

    def test_statuses_events_end(self, api: Api) -> None:
        reply = self.stream(api, api.accepted())
        assert reply.headers["content-type"].startswith("text/event-stream")
        found = messages(reply.text)
        assert {message["event"] for message in found} == {"status", "event", "end"}
        assert found[-1]["event"] == "end"
        status = next(json.loads(message["data"]) for message in found if message["event"] == "status")
        assert (status["name"], status["status"], status["sealed"]) == ("hello-1", "COMPLETED", True)
        assert status["groups"][0]["tasks"][0]["status"] == "COMPLETED"

    def test_a_reader_gets_only_what_he_missed(self, api: Api) -> None:
        name = api.accepted()
        found = messages(self.stream(api, name).text)
        for number, message in enumerate(found[:-1]):
            rest = messages(self.stream(api, name, message["id"]).text)
            assert [one["id"].split(".")[0] for one in rest][-1] == found[-1]["id"].split(".")[0]
            assert [one for one in rest if one["event"] == "event"] == [
                one for one in found[number + 1 :] if one["event"] == "event"
            ]
        assert self.stream(api, name, found[-1]["id"]).status_code == 204

    @pytest.mark.parametrize("last", ["", "x", "-1.a", "1", "9" * 40, "1.2.3.4", "0..end", ".", "１.a"])
    def test_ids_that_are_none(self, api: Api, last: str) -> None:
        name = api.accepted()
        assert self.stream(api, name, last).status_code in (200, 204)

    def test_unknown(self, api: Api) -> None:
        assert self.stream(api, "never-1").status_code == 400

    def test_heartbeats_and_changes(self, api: Api) -> None:
        name = api.accepted(one_task("long", seconds="5"))
        with api.client.stream("GET", f"/api/argosmo/v1/workflow/{name}/events/stream") as reply:
            lines = reply.iter_lines()
            assert next(line for line in lines if line.startswith(":")) == ": heartbeat"
            api.pass_time(6)
            rest = messages("\n".join(lines).lstrip())
        statuses = [json.loads(message["data"])["status"] for message in rest if message["event"] == "status"]
        assert statuses[-1] == "COMPLETED"
        assert rest[-1]["event"] == "end"

    def test_receipt(self, api: Api) -> None:
        assert api.get(f"/api/argosmo/v1/workflow/{api.accepted()}/receipt").json() == []
