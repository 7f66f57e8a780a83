"""A gateway is killed in the middle of a run and comes back later; meanwhile tasks ended, failed, came again, vanished.

With `ARGOSMO_TEST_OUTAGE_SECONDS=60` it is really away for so long; without, only the cluster's clock says so.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.argo_simulation import Act
from tests.fakes.kube import PODS
from tests.integration.gateways import Ends, check_cluster, check_rows, gateway, place, until

AWAY = timedelta(seconds=60)
OUTAGE_SECONDS = float(os.environ.get("ARGOSMO_TEST_OUTAGE_SECONDS", "0"))


def _task(name: str, *inputs: str, **more: Any) -> dict[str, Any]:
    upstream = {"inputs": [{"task": one} for one in inputs]} if inputs else {}
    return {"name": name, "image": "i", "command": [name], **upstream, **more}


RUN: Mapping[str, Any] = {
    "name": "run",
    "tasks": [
        _task("before"),
        _task("ends", "before"),
        _task("follows", "ends"),
        _task("swept", "ends"),
        _task("fails"),
        _task("barred", "fails"),
        _task("again", exitActions={"RESCHEDULE": "75"}),
        _task("vanishes"),
        _task("bereft", "vanishes"),
        _task("stays"),
        _task("after", "follows", "stays"),
    ],
}
SCRIPTS: Mapping[str, Sequence[Act]] = {
    "before": [Act(says=["it was there"])],
    "ends": [Act(says=["seen"], until="away", then=["not seen at once"])],
    "follows": [Act(says=["begun and ended unseen"])],
    "swept": [Act()],
    "fails": [Act(says=["seen"], until="away", then=["broken"], code=7)],
    "barred": [Act()],
    "again": [
        Act(says=["first"], until="away", code=75, again=True),
        Act(says=["second", "unseen"], code=75, again=True),
        Act(says=["third"], until="back", then=["done"]),
    ],
    "vanishes": [Act(says=["seen"], until="away", vanishes=True)],
    "bereft": [Act()],
    "stays": [Act(says=["seen"], until="back", then=["seen again"])],
    "after": [Act(says=["last"])],
}
ENDS: Ends = {
    "before": [("COMPLETED", 0)],
    "ends": [("COMPLETED", 0)],
    "follows": [("COMPLETED", 0)],
    "swept": [("COMPLETED", 0)],
    "fails": [("FAILED", 7)],
    "barred": [("FAILED_UPSTREAM", 3000)],
    "again": [("RESCHEDULED", 75), ("RESCHEDULED", 75), ("COMPLETED", 0)],
    "vanishes": [("FAILED_BACKEND_ERROR", 3001)],
    "bereft": [("FAILED_UPSTREAM", 3000)],
    "stays": [("COMPLETED", 0)],
    "after": [("COMPLETED", 0)],
}


@pytest.mark.timeout(300)
def test_what_happened_while_no_gateway_was_there(tmp_path: Path, database_url: str) -> None:
    with place(tmp_path, database_url, SCRIPTS) as at:
        # The cluster's past: what happens now happened a while ago by the clock of the gateway that comes back.
        at.argo.behind = timedelta() if OUTAGE_SECONDS else AWAY + timedelta(seconds=10)
        with gateway(at, "first") as first:
            found = first.submit(RUN)
            for task in ("ends", "fails", "again", "vanishes", "stays"):
                first.until(found, task, "RUNNING")
            # Its pod is tidied up while nobody looks, which may only happen to one that was read.
            first.until(found, "before", "COMPLETED")
            first.signal(signal.SIGKILL)
            assert first.died() == -signal.SIGKILL
        before = at.argo.now()
        at.argo.open("away")
        until(lambda: [pod["status"]["phase"] for pod in at.argo.pods_of("again")][-1:] == ["Running"])
        until(lambda: {end.task for end in at.argo.truth} >= {"ends", "follows", "swept", "fails", "again", "vanishes"})
        assert not at.argo.pods_of("vanishes") or at.argo.pods_of("vanishes")[0]["metadata"]["deletionTimestamp"]
        until(lambda: not at.argo.pods_of("vanishes"))
        # Somebody tidies up, and a task that began and ended unseen is known to Argo alone.
        for pod in [*at.argo.pods_of("before"), *at.argo.pods_of("swept")]:
            at.kube.drop(PODS, pod["metadata"]["name"])
        time.sleep(OUTAGE_SECONDS)
        at.argo.behind = timedelta()
        with gateway(at, "second") as second:
            second.until(found, "again", "RESCHEDULED", "RESCHEDULED", "RUNNING")
            second.until(found, "follows", "COMPLETED")
            for group in second.query(found)["groups"]:
                for task in group["tasks"]:
                    if task["name"] == "follows":
                        # The cluster's times, not that at which the gateway learnt of them.
                        assert datetime.fromisoformat(task["start_time"]).replace(tzinfo=None) < before + AWAY / 2
            at.argo.open("back")
            assert second.finished(found) == "FAILED"
            assert second.ends(found) == ENDS
            check_cluster(at)
            check_rows(at, second, found)
