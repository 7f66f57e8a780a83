"""`kill -9` at every named point of submit → run → finish, with real programs; then another process takes over.

What must be true afterwards: every accepted workflow is there once, each attempt ended exactly once, every log is a
prefix of what was printed (and whole where the attempt completed), nothing of the dead process still runs, and the
database is sound.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.crashpoints import CRASH_POINTS, VARIABLE
from gateway.ports.crashpoints import GATEWAY_CRASH_POINTS
from tests.e2e.commands import argosmo, gateway_on, processes_of, wait_until

SPEC = """\
workflow:
  name: crash
  groups:
  - name: first
    tasks:
    - name: make
      lead: true
      image: i
      command: [sh, -c, "for i in 1 2 3; do echo line $i; done; echo x > {{output}}/x"]
    - {name: helper, image: i, command: [sh, -c, "echo line 1; sleep 60"]}
  - name: second
    tasks:
    - name: use
      image: i
      command: [sh, -c, "cat {{input:0}}/x; for i in 1 2 3; do echo line $i; done"]
      inputs: [{task: make}]
"""
PRINTED: Mapping[str, Sequence[str]] = {
    "make": ["line 1", "line 2", "line 3"],
    "helper": ["line 1"],
    "use": ["x", "line 1", "line 2", "line 3"],
}
FINISHED = re.compile("COMPLETED|RESCHEDULED|FAILED.*")

# Passed by a process that takes over what another left, so a crash must come before.
IN_THE_SECOND_PROCESS = {
    "workflow.recovered",
    "mirror.taken-over",
    "mirror.recovered",
    "mirror.outstanding-applied",
}
# Not on the way of `argosmo run`: tests/integration/test_crash_mirror.py kills there.
ELSEWHERE = {
    "store.key-claimed",
    "store.failed-submission-inserted",
    "store.cancel-requested",
    "mirror.timer-due",
    "logs.torn-line",
    "logs.rolled",
}
HERE = sorted((CRASH_POINTS.keys() | GATEWAY_CRASH_POINTS.keys()) - ELSEWHERE)
# A point that is passed once only cannot kill at its second passage. With ARGOSMO_PASSAGES=3 each kills three times.
PASSAGES = range(1, int(os.environ.get("ARGOSMO_PASSAGES", "1")) + 1)


def test_there_are_enough_points() -> None:
    assert len(CRASH_POINTS.keys() | GATEWAY_CRASH_POINTS.keys()) >= 25


@pytest.mark.parametrize("passage", PASSAGES)
@pytest.mark.parametrize("point", HERE)
def test_nothing_is_lost_or_doubled(point: str, passage: int, tmp_path: Path) -> None:
    data, spec = tmp_path / "data", tmp_path / "spec.yaml"
    spec.write_text(SPEC)
    killed = _killed_at(point, passage, spec, data)
    if passage == 1:
        assert killed, f"{point} is never passed"
    wait_until(lambda: not processes_of(data), "no stray process")
    with gateway_on(data) as client:
        names = [entry["name"] for entry in _list(client)]
        # Killed before the commit, a workflow was never accepted; one is accepted by each process at the most.
        assert len(names) == len(set(names)) <= (2 if point in IN_THE_SECOND_PROCESS else 1)
        for name in names:
            _check(client, name)
    wait_until(lambda: not processes_of(data), "no stray process")
    with sqlite3.connect(data / "argosmo.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def _killed_at(point: str, passage: int, spec: Path, data: Path) -> bool:
    where = {VARIABLE: f"{point}:{passage}"}
    if point in IN_THE_SECOND_PROCESS:
        first = argosmo("run", spec, "--data-dir", data, environment={VARIABLE: "mirror.saved:3"})
        assert first.returncode == -9
        # Any run on the same directory takes up what the dead process left.
    return argosmo("run", spec, "--data-dir", data, environment=where).returncode == -9


def _list(client: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/api/workflow", params={"all_users": True, "all_pools": True}).json()[
        "workflows"
    ]
    return found


def _check(client: httpx.Client, name: str) -> None:
    wait_until(lambda: _query(client, name)["end_time"] is not None, f"{name} ends")
    log = client.get(f"/api/workflow/{name}/logs").text.splitlines()
    found = _query(client, name)
    attempts = [task for group in found["groups"] for task in group["tasks"]]
    assert sorted((t["name"], t["retry_id"]) for t in attempts) == [("helper", 0), ("make", 0), ("use", 0)]
    for task in attempts:
        assert FINISHED.fullmatch(task["status"]), task
        assert task["end_time"] is not None
        _check_log(log, task)


def _query(client: httpx.Client, name: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/api/workflow/{name}", params={"verbose": True}).json()
    return found


def _check_log(log: Sequence[str], task: Mapping[str, Any]) -> None:
    pattern = re.compile(rf"\S+ \S+ \[{task['name']}\] (.*)")
    lines = [match[1] for line in log if (match := pattern.fullmatch(line))]
    printed = PRINTED[task["name"]]
    assert lines == printed[: len(lines)], (task, log)
    if task["status"] == "COMPLETED" and task["exit_code"] == 0:
        assert lines == printed, (task, log)
