"""The gateway is killed in the middle of a run and comes back later: what happened meanwhile is told as it was.

`ARGOSMO_TEST_OUTAGE_SECONDS` (default 20) is how long nobody looks after the run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.cluster.scene import IMAGE, ClusterScene, attempts, cluster_document, cluster_with_store
from tests.e2e.commands import REPOSITORY
from tests.e2e.drive import USER

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster"), pytest.mark.timeout(600)]

OUTAGE_SECONDS = float(os.environ.get("ARGOSMO_TEST_OUTAGE_SECONDS", "20"))
NAP = f"sleep {OUTAGE_SECONDS / 2}"


def task(name: str, script: str, **more: Any) -> dict[str, Any]:
    """A task of a script."""
    return {"name": name, "image": IMAGE, "command": ["sh", "-c"], "args": [script], **more}


def tasks(flag: str) -> list[dict[str, Any]]:
    """Each has ended, failed or tried again while nobody looked, but for the first and the last.

    One tries again until there is something below `flag`.
    """
    return [
        task("before", "echo before"),
        task("ends", f"echo ends 1; {NAP}; echo ends 2"),
        task("follows", "echo follows", inputs=[{"task": "ends"}]),
        task("fails", f"echo fails; {NAP}; exit 3"),
        task("never", "echo never", inputs=[{"task": "fails"}]),
        task(
            "again",
            f"echo again; {NAP}; test -e {{{{input:0}}}}/now || exit 75",
            inputs=[{"url": flag}],
            exitActions={"RESCHEDULE": "75"},
        ),
        task("lasts", f"echo lasts 1; sleep {OUTAGE_SECONDS * 2}; echo lasts 2"),
    ]


ENDS = {
    "before": [("COMPLETED", 0)],
    "ends": [("COMPLETED", 0)],
    "follows": [("COMPLETED", 0)],
    "fails": [("FAILED", 3)],
    "never": [("FAILED_UPSTREAM", 3000)],
    "again": [("RESCHEDULED", 75), ("COMPLETED", 0)],
    "lasts": [("COMPLETED", 0)],
}
# By what a line begins with: those of one attempt keep their order, two attempts are read side by side.
LINES = {
    "[before]": ["before"],
    "[ends]": ["ends 1", "ends 2"],
    "[fails]": ["fails"],
    "[again]": ["again"],
    "[again retry-1]": ["again"],
    "[lasts]": ["lasts 1", "lasts 2"],
}


@contextmanager
def gateway(home: Path) -> Iterator[tuple[httpx.Client, subprocess.Popen[str]]]:
    """A server on the data of `home`, and its process, which may be killed."""
    command = ["serve", "--port", "0", "--data-dir", str(home / "data"), "--config", str(home / "config")]
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", *command], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    )
    try:
        assert process.stdout is not None
        url = next(line for line in process.stdout if "listens on" in line).split()[-1]
        with httpx.Client(base_url=url, headers={"x-osmo-user": USER}, timeout=60) as client:
            yield client, process
    finally:
        process.kill()
        process.wait()


def test_what_happens_while_nobody_looks_is_told_afterwards(tmp_path: Path) -> None:
    """Principle: nothing accepted is ever lost or doubled; the cluster is the truth."""
    with cluster_with_store() as (kubeconfig, kube, s3):
        (tmp_path / "config").mkdir()
        (tmp_path / "config" / "cluster.yaml").write_text(yaml.safe_dump(cluster_document(kubeconfig, s3)))
        with gateway(tmp_path) as (client, process):
            scene = ClusterScene(client=client, kube=kube, s3=s3)
            workflow = scene.submit(tasks(f"s3://{s3.bucket}/outage/"))
            began = ("ends", "fails", "again", "lasts")
            scene.until(workflow, lambda found: all(attempts(found, name)[0][0] == "RUNNING" for name in began))
            # It has begun, so that what it takes in was taken: what lies there from now on is for the next attempt.
            with client.stream("GET", f"/api/workflow/{workflow}/logs") as reply:
                assert any("[again] again" in line for line in reply.iter_lines())
            process.kill()
        s3.put("outage/now", b"now")
        time.sleep(OUTAGE_SECONDS)
        with gateway(tmp_path) as (client, _):
            scene = ClusterScene(client=client, kube=kube, s3=s3)
            found = scene.end(workflow)
            assert found["status"] == "FAILED"
            assert {name: attempts(found, name) for name in ENDS} == ENDS
            log = [line for line in scene.log(workflow) if "[osmo]" not in line]
            told = {
                begin: [one.removeprefix(f"{begin} ") for one in log if one.startswith(f"{begin} ")] for begin in LINES
            }
            assert told == LINES
            scene.until_gone(workflow)
