"""A gateway is killed (SIGKILL) at every point between its rows and the cluster; another one takes up what it left.

Principle: "Nothing accepted is ever lost or doubled." The cluster goes on meanwhile: it is the truth, and what the rows
say equals it afterwards.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway.ports.crashpoints import ARGO_CRASH_POINTS
from tests.fakes.argo_simulation import Act
from tests.fakes.kube import WORKFLOWS
from tests.integration.gateways import Ends, Gateway, Place, check_cluster, check_rows, gateway, place, until

RUN: Mapping[str, Any] = {
    "name": "run",
    "groups": [
        {"name": "first", "tasks": [{"name": "a", "image": "i", "command": ["a"]}]},
        {
            "name": "team",
            "tasks": [
                {
                    "name": "m",
                    "lead": True,
                    "image": "i",
                    "command": ["m"],
                    "exitActions": {"RESCHEDULE": "75"},
                    "inputs": [{"task": "a"}],
                },
                {"name": "h", "image": "i", "command": ["h"]},
            ],
        },
        {"name": "last", "tasks": [{"name": "c", "image": "i", "command": ["c"], "inputs": [{"task": "m"}]}]},
        {"name": "bad", "tasks": [{"name": "d", "image": "i", "command": ["d"]}]},
        {"name": "never", "tasks": [{"name": "e", "image": "i", "command": ["e"], "inputs": [{"task": "d"}]}]},
    ],
}
SCRIPTS: Mapping[str, Sequence[Act]] = {
    "a": [Act(says=["a 1", "a 2", "a 3"])],
    "m": [Act(says=["m first"], code=75, again=True), Act(says=["m second", "m done"])],
    "h": [Act(says=["h helps"])],
    "c": [Act(says=["c 1"], until="go", then=["c 2"])],
    "d": [Act(says=["d breaks"], code=3)],
    "e": [Act()],
    "s": [Act(says=["s waits"], until="never")],
}
STOPPED_HELPER = [Act(says=["h helps"], until="never")]
STUCK = {"name": "stuck", "tasks": [{"name": "s", "image": "i", "command": ["s"]}]}
ENDS: Ends = {
    "a": [("COMPLETED", 0)],
    "m": [("RESCHEDULED", 75), ("COMPLETED", 0)],
    "h": [("COMPLETED", 0)],
    "c": [("COMPLETED", 0)],
    "d": [("FAILED", 3)],
    "e": [("FAILED_UPSTREAM", 3000)],
}
# Passed only when something is cancelled.
WHEN_CANCELLED = {"argo.before-shutdown", "argo.shut-down"}
# Passed only while another group still runs (when all is over, pods go with their Workflow), and where somebody must be
# stopped: here the helper, when its lead has ended.
WHEN_STOPPED = {"argo.before-pod-deletion", "argo.pod-deleted"}
# What is passed often is also met later, in the middle of the work; and so are points of the mirror. How often depends
# on how fast the machine is: what is not passed so often ends by itself.
LATER = (
    "argo.dependent-created:2",
    "argo.facts-seen:7",
    "argo.lines-read:5",
    "argo.end-held:3",
    "argo.cleaned:3",
    "mirror.saved:6",
    "mirror.effects-applied:2",
    "logs.appended:4",
)
POINTS = sorted(ARGO_CRASH_POINTS.keys() - WHEN_CANCELLED)
ON_POSTGRESQL = ("argo.all-created", "argo.facts-seen:7", "argo.removed")


@pytest.mark.parametrize("point", [*POINTS, *LATER])
def test_a_kill_between_row_and_cluster_loses_and_doubles_nothing(point: str, tmp_path: Path) -> None:
    _killed_and_taken_up(tmp_path, f"sqlite:///{tmp_path / 'test.db'}", point)


@pytest.mark.xdist_group("postgresql")
@pytest.mark.parametrize("point", ON_POSTGRESQL)
def test_the_same_on_postgresql(point: str, tmp_path: Path, postgres_emptied: str) -> None:
    _killed_and_taken_up(tmp_path, postgres_emptied, point)


@pytest.mark.parametrize("point", [*sorted(WHEN_CANCELLED), "store.cancel-requested", "argo.removed"])
def test_a_kill_in_a_cancel_leaves_nothing_behind(point: str, tmp_path: Path) -> None:
    """CANCELED only when the pods are gone (argo-verified §6), whoever sees to it."""
    with place(tmp_path, f"sqlite:///{tmp_path / 'test.db'}", SCRIPTS) as at:
        with gateway(at, "first", point=point) as first:
            found = first.submit(STUCK)
            first.until(found, "s", "RUNNING")
            _cancel(first, found)
            assert first.died() == -signal.SIGKILL, f"{point} was not passed\n{first.log()}"
        with gateway(at, "second") as second:
            if point == "store.cancel-requested":
                _cancel(second, found)
            assert second.finished(found) == "FAILED_CANCELED"
            assert [status for status, _ in second.ends(found)["s"]] == ["FAILED_CANCELED"]
            assert second.lines(found) == {("s", 0): ["s waits"]}
            check_cluster(at)


def test_several_kills_in_a_row(tmp_path: Path) -> None:
    with place(tmp_path, f"sqlite:///{tmp_path / 'test.db'}", SCRIPTS) as at:
        at.argo.open("go")
        with gateway(at, "0", point="argo.workflow-created") as first:
            found = first.submit(RUN)
            assert first.died() == -signal.SIGKILL
        for turn, point in enumerate(("argo.resumed", "mirror.recovered", "argo.looked", "argo.before-removal"), 1):
            with gateway(at, str(turn), point=point) as one:
                assert one.died() == -signal.SIGKILL, f"{point} was not passed\n{one.log()}"
        with gateway(at, "last") as last:
            _check(at, last, found)


def _killed_and_taken_up(home: Path, database: str, point: str) -> None:
    nodes = 3 if point == "argo.gate-released" else 0
    stopped = point in WHEN_STOPPED
    with place(home, database, {**SCRIPTS, "h": STOPPED_HELPER} if stopped else SCRIPTS) as at:
        if not stopped:
            at.argo.open("go")
        with gateway(at, "first", point=point, nodes=nodes) as first:
            found = first.submit(RUN)
            if ":" not in point:
                assert first.died() == -signal.SIGKILL, f"{point} was not passed\n{first.log()}"
            else:
                until(lambda: not first.is_alive() or (not at.kube.names(WORKFLOWS) and first.has_ended(found)))
        at.argo.open("go")
        with gateway(at, "second", nodes=nodes) as second:
            # §5.3 Every unfinished sibling is set to COMPLETED if the lead COMPLETED; it has no code of its own.
            _check(at, second, found, {**ENDS, "h": [("COMPLETED", None)]} if stopped else ENDS)


def _check(at: Place, by: Gateway, workflow_id: str, ends: Ends = ENDS) -> None:
    assert by.finished(workflow_id) == "FAILED"
    assert by.ends(workflow_id) == ends
    check_cluster(at)
    check_rows(at, by, workflow_id)
    reply = by.client.get("/api/workflow", params={"all_users": True, "all_pools": True})
    assert [entry["name"] for entry in reply.json()["workflows"]] == [workflow_id]


def _cancel(by: Gateway, workflow_id: str) -> None:
    try:
        by.client.post(f"/api/workflow/{workflow_id}/cancel")
    except Exception:  # noqa: BLE001
        # It died with the answer.
        return
