"""Plays a scenario against a gateway over REST and compares what it answers."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx

from tests.e2e.scenario import Scenario, spec_text
from tests.e2e.shelves import Shelves

USER = "tester"
PATIENCE_SECONDS = 60.0
_IMAGE = re.compile(r"(\bimage: )(?:i|img)(?=[,}\s])")
_PROGRAMS_LINE = re.compile(r"^\S+ \S+ \[([^\]]+)\] (.*)$")
_STAMPS = {
    "SCHEDULING": "scheduling_start_time",
    "INITIALIZING": "initializing_start_time",
    "RUNNING": "start_time",
}


Outcome = tuple[str, dict[str, list[tuple[str, int | None]]]]
"""The status of a workflow, and (status, exit code) of each attempt of its tasks by rising retry id."""


class Play:
    """One scenario in progress. `hurry` is called while it waits: it lets a fake clock go on.

    Shape: `outcomes` has one for each workflow that was accepted, in order, when `run` has returned; `lines` likewise
    what the programs of each wrote, by the name in brackets: the task, from the second attempt on with its number.
    """

    def __init__(
        self,
        client: httpx.Client,
        scenario: Scenario,
        hurry: Callable[[], None] = lambda: None,
        patience_seconds: float = PATIENCE_SECONDS,
        pause_seconds: float = 0.01,
        shelves: Shelves | None = None,
    ) -> None:
        self._client = client
        self._scenario = scenario
        self._hurry = hurry
        self._patience_seconds = patience_seconds
        self._pause_seconds = pause_seconds
        self._shelves = shelves or Shelves()
        self.outcomes: list[Outcome] = []
        self.lines: list[dict[str, list[str]]] = []

    def run(self, replace: Mapping[str, str]) -> None:
        """Submit, cancel where the scenario says so, wait for the end, compare; then the second step.

        `replace` are texts put in place of `$NAME` in specs; IMAGE stands for the image `i`, where one must be real.
        """
        scenario = self._scenario
        self._put(scenario.objects, replace)
        if not self._stored_key(scenario.expect.get("key_refused")):
            return
        for name, url in scenario.datasets.items():
            self._dataset("POST", name, {"location": _replaced(url, replace)})
        reply = self._post(
            _replaced(scenario.text, replace),
            set_variables=scenario.set_variables,
            set_string_variables=scenario.set_string_variables,
            query=[
                ("priority", scenario.priority),
                *(("env_vars", item) for item in scenario.env_vars),
                *(("label", item) for item in scenario.labels),
            ],
        )
        cancel = _replaced_within(scenario.cancel, replace) if scenario.cancel is not None else None
        last = self._judge(reply, _replaced_within(scenario.expect, replace), cancel=cancel)
        step = scenario.then
        while step is not None:
            last = self._next(last, step, replace)
            step = step.get("then")

    def _next(self, last: str, step: Mapping[str, Any], replace: Mapping[str, str]) -> str:
        self._put(step.get("objects", {}), replace)
        for tagged, version in step.get("tags", {}).items():
            name, _, tag = tagged.partition(":")
            self._dataset("PUT", f"{name}/tag/{tag}", {"version": version})
        if step.get("restart"):
            reply = self._client.post(f"/api/pool/default/workflow/{last}/restart")
        elif step.get("resubmit"):
            reply = self._client.post("/api/pool/default/workflow", params={"workflow_id": last})
        else:
            reply = self._post(_replaced(spec_text({"workflow": step["submit"]}), replace))
        return self._judge(reply, _replaced_within(step["expect"], replace))

    def _put(self, objects: Mapping[str, Any], replace: Mapping[str, str]) -> None:
        for url, content in objects.items():
            self._shelves.put(_replaced(url, replace), content)

    def _stored_key(self, refusal: str | None) -> bool:
        """Whether the owner has the credential that the case gives him; it may be a case of one that is refused."""
        if not self._scenario.key:
            return True
        assert self._shelves.s3 is not None, "a key needs an S3 server: say `store: s3`"
        wrong = self._scenario.key == "wrong"
        key = self._shelves.s3.credential("writer" if wrong else self._scenario.key, "not-his" if wrong else None)
        names = ("endpoint", "override_url", "addressing_style", "access_key_id", "access_key")
        body = {"data_credential": {name: getattr(key, name) for name in names}}
        reply = self._client.post("/api/credentials/scenario", json=body)
        if refusal is None:
            assert reply.status_code == 200, reply.text
            return True
        assert reply.status_code == 400, reply.text
        assert refusal in reply.json()["message"]
        return False

    def _post(
        self,
        text: str,
        *,
        set_variables: Sequence[str] = (),
        set_string_variables: Sequence[str] = (),
        query: Sequence[tuple[str, str]] = (),
    ) -> httpx.Response:
        body = {
            "file": text,
            "set_variables": list(set_variables),
            "set_string_variables": list(set_string_variables),
        }
        return self._client.post("/api/pool/default/workflow", params=list(query), json=body)

    def _judge(self, reply: httpx.Response, expect: Mapping[str, Any], cancel: Mapping[str, Any] | None = None) -> str:
        if "refused" in expect:
            _check_refused(reply, expect["refused"])
            return ""
        assert reply.status_code == 200, reply.text
        workflow_id: str = reply.json()["name"]
        if "id" in expect:
            assert workflow_id == expect["id"]
        if cancel is not None:
            self._cancel(workflow_id, cancel)
        self._wait_for(workflow_id, "the end", lambda found: found["end_time"] is not None)
        log, found = self._log(workflow_id), self._query(workflow_id)
        self.outcomes.append(_outcome(found))
        self.lines.append(_programs_lines(log))
        _check(found, log, expect)
        for url, objects in expect.get("objects", {}).items():
            self._shelves.check(url, objects)
        for task, places in expect.get("passports", {}).items():
            self._check_passport(workflow_id, task, places)
        for wanted, version in expect.get("datasets", {}).items():
            self._check_version(wanted, version)
        return workflow_id

    def _dataset(self, method: str, path: str, body: object) -> None:
        reply = self._client.request(method, f"/api/argosmo/v1/dataset/{path}", json=body)
        assert reply.status_code == 200, reply.text

    def _check_version(self, wanted: str, expected: Mapping[str, Any] | None) -> None:
        name, _, which = wanted.partition(":")
        reply = self._client.get(f"/api/argosmo/v1/dataset/{name}/version/{which or 'latest'}")
        if expected is None:
            assert reply.status_code == 404, reply.text
            return
        assert reply.status_code == 200, reply.text
        found = {**reply.json(), **(reply.json()["made_by"] or {})}
        assert {key: found[key] for key in expected} == dict(expected)

    def _cancel(self, workflow_id: str, cancel: Mapping[str, Any]) -> None:
        if place := cancel.get("when_object"):
            self._wait_for(workflow_id, f"objects at {place}", lambda _: bool(self._shelves.below(place)))
        else:
            task, status = cancel["when"].split()
            self._wait_for(
                workflow_id, cancel["when"], lambda found: any(t["status"] == status for t in _attempts(found)[task])
            )
        params = {key: str(cancel[key]) for key in ("message", "force") if key in cancel}
        reply = self._client.post(f"/api/workflow/{workflow_id}/cancel", params=params)
        assert reply.status_code == 200, reply.text

    def _check_passport(self, workflow_id: str, task: str, places: Sequence[Mapping[str, Sequence[str]]]) -> None:
        reply = self._client.get(f"/api/argosmo/v1/workflow/{workflow_id}/task/{task}/passport")
        if not places:
            assert reply.status_code == 404, reply.text
            return
        assert reply.status_code == 200, reply.text
        found = [{place["kind"]: [file["path"] for file in place["files"]]} for place in reply.json()["places"]]
        assert found == list(places)

    def _query(self, workflow_id: str) -> dict[str, Any]:
        reply = self._client.get(f"/api/workflow/{workflow_id}", params={"verbose": "True"})
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        return found

    def _log(self, workflow_id: str) -> list[str]:
        # The reply of a finished workflow ends when its log is sealed, so nothing is missing.
        return self._client.get(f"/api/workflow/{workflow_id}/logs", timeout=self._patience_seconds).text.splitlines()

    def _wait_for(self, workflow_id: str, what: str, holds: Callable[[dict[str, Any]], bool]) -> None:
        deadline = time.monotonic() + self._patience_seconds
        found = self._query(workflow_id)
        while not holds(found):
            assert time.monotonic() < deadline, f"{workflow_id} never came to {what}: {found}"
            assert found["end_time"] is None, f"{workflow_id} ended before {what}: {found}"
            self._hurry()
            time.sleep(self._pause_seconds)
            found = self._query(workflow_id)


def _replaced(text: str, replace: Mapping[str, str]) -> str:
    for name, value in replace.items():
        text = text.replace(f"${name}", value)
    return _IMAGE.sub(rf"\1{replace['IMAGE']}", text) if "IMAGE" in replace else text


def _replaced_within(expect: Any, replace: Mapping[str, str]) -> Any:
    if isinstance(expect, str):
        return _replaced(expect, replace)
    if isinstance(expect, Mapping):
        return {_replaced(key, replace): _replaced_within(value, replace) for key, value in expect.items()}
    return [_replaced_within(value, replace) for value in expect] if isinstance(expect, list) else expect


def _check_refused(reply: httpx.Response, expect: Mapping[str, str]) -> None:
    assert reply.status_code == 400, reply.text
    body = reply.json()
    assert expect.get("message", "") in body["message"]
    assert body["error_code"] == expect.get("error_code", body["error_code"]), body


def _attempts(found: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    by_task: dict[str, list[dict[str, Any]]] = {}
    for group in found["groups"]:
        for task in group["tasks"]:
            by_task.setdefault(task["name"], []).append(task)
    for tries in by_task.values():
        tries.sort(key=lambda attempt: int(attempt["retry_id"]))
    return by_task


def _outcome(found: Mapping[str, Any]) -> Outcome:
    tasks = {name: [(a["status"], a["exit_code"]) for a in tries] for name, tries in sorted(_attempts(found).items())}
    return found["status"], tasks


def _check(found: Mapping[str, Any], log: Sequence[str], expect: Mapping[str, Any]) -> None:
    attempts = _attempts(found)
    if "status" in expect:
        assert found["status"] == expect["status"], found
    for name, status in expect.get("groups", {}).items():
        assert {g["name"]: g["status"] for g in found["groups"]}[name] == status
    for name, expected in expect.get("tasks", {}).items():
        _check_attempts(name, attempts[name], expected)
    if "parent" in expect:
        assert f"{found['parent_name']}-{found['parent_job_id']}" == expect["parent"]
    if "labels" in expect:
        assert found["labels"] == expect["labels"]
    if "cancelled_by" in expect:
        assert found["cancelled_by"] == expect["cancelled_by"]
    _check_log(log, expect)
    _check_order(attempts, expect.get("order", ()))


def _check_attempts(name: str, attempts: Sequence[Mapping[str, Any]], expected: Sequence[Mapping[str, Any]]) -> None:
    shown = [(a["retry_id"], a["status"], a["exit_code"], a["failure_message"]) for a in attempts]
    assert [a["status"] for a in attempts] == [e["status"] for e in expected], (name, shown)
    assert [a["retry_id"] for a in attempts] == list(range(len(expected))), (name, shown)
    for attempt, wanted in zip(attempts, expected, strict=True):
        if "exit_code" in wanted:
            assert attempt["exit_code"] == wanted["exit_code"], (name, shown)
        assert wanted.get("message", "") in (attempt["failure_message"] or ""), (name, shown)


def _check_log(log: Sequence[str], expect: Mapping[str, Any]) -> None:
    for task, lines in expect.get("logs", {}).items():
        own = iter(_lines_of(log, task))
        for wanted in lines:
            assert any(wanted in line for line in own), (task, wanted, log)
    for task, lines in expect.get("logs_any", {}).items():
        for wanted in lines:
            assert any(wanted in line for line in _lines_of(log, task)), (task, wanted, log)
    for task, lines in expect.get("no_logs", {}).items():
        for unwanted in lines:
            assert not any(unwanted in line for line in _lines_of(log, task)), (task, unwanted, log)
    for task, counts in expect.get("count", {}).items():
        for text, count in counts.items():
            assert sum(text in line for line in _lines_of(log, task)) == count
    remaining = iter(log)
    for wanted in expect.get("whole_log", ()):
        assert any(wanted in line for line in remaining), (wanted, log)


def _lines_of(log: Sequence[str], task: str) -> list[str]:
    # Lines of the program, of any attempt: `2026/11/22 05:30:00 [task retry-1] text`; not ours: `[task][osmo]`.
    pattern = re.compile(rf"^\S+ \S+ \[{re.escape(task)}( retry-\d+)?\] (.*)$")
    return [match[2] for line in log if (match := pattern.match(line))]


def _programs_lines(log: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in log:
        if match := _PROGRAMS_LINE.match(line):
            found.setdefault(match[1], []).append(match[2])
    return found


def _check_order(attempts: Mapping[str, Sequence[Mapping[str, Any]]], order: Sequence[str]) -> None:
    stamps = []
    for step in order:
        task, status = step.split()
        stamps.append((_stamp(attempts[task], status), step))
    assert stamps == sorted(stamps, key=lambda stamp: stamp[0]), stamps


def _stamp(attempts: Sequence[Mapping[str, Any]], status: str) -> str:
    name = _STAMPS.get(status)
    if name is not None:
        return next(str(attempt[name]) for attempt in attempts if attempt[name] is not None)
    return next(str(attempt["end_time"]) for attempt in attempts if attempt["status"] == status)
