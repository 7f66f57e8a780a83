"""Data of tasks in pods, through a real object store."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.cluster.scene import IMAGE, ClusterScene, attempts

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster"), pytest.mark.timeout(400)]


def bash(name: str, script: str, **more: Any) -> dict[str, Any]:
    """A task that runs a script."""
    return {"name": name, "image": IMAGE, "command": ["bash", "-c"], "args": [script], **more}


def test_one_task(cluster: ClusterScene) -> None:
    found = cluster.end(cluster.submit([bash("only", "echo here; exit 3")]))
    assert attempts(found, "only") == [("FAILED", 3)]


def test_a_task_reads_what_another_wrote(cluster: ClusterScene) -> None:
    """§6.2 the output of a task whose group feeds another goes to W/<workflow>/<task>, and is read from there."""
    script = "mkdir {{output}}/d; echo deep > '{{output}}/d/ü +%&.txt'; echo top > {{output}}/t; exit 0"
    workflow = cluster.submit(
        [
            bash("make", script),
            bash("use", "cd {{input:0}}; cat t d/*; echo more > {{output}}/m", inputs=[{"task": "make"}]),
        ]
    )
    found = cluster.end(workflow)
    assert found["status"] == "COMPLETED", cluster.log(workflow)
    log = cluster.log(workflow)
    assert "[use] top" in log
    assert "[use] deep" in log
    assert f"[use][osmo] Downloaded input 0 from task make of {workflow}: 2 files, 9 bytes" in log
    assert cluster.s3.keys(f"workflows/{workflow}/") == [
        f"workflows/{workflow}/.argosmo/passports/make/0.json",
        f"workflows/{workflow}/.argosmo/passports/use/0.json",
        f"workflows/{workflow}/make/d/ü +%&.txt",
        f"workflows/{workflow}/make/t",
        f"workflows/{workflow}/use/m",
    ]
    found = cluster.client.get(f"/api/argosmo/v1/workflow/{workflow}/task/make/passport").json()
    assert [file["path"] for file in found["places"][0]["files"]] == ["d/ü +%&.txt", "t"]
    assert found["image"] == IMAGE


def test_outputs_of_a_failed_task_and_checkpoints_are_kept(cluster: ClusterScene) -> None:
    """§6.3 after the command ends, whatever its exit code; §6.6 one last checkpoint after the command ended."""
    place = uuid.uuid4().hex
    script = (
        "mkdir -p /work/ck; echo 1 > /work/ck/step; echo out > {{output}}/o.txt; echo log > {{output}}/o.log; exit 3"
    )
    workflow = cluster.submit(
        [
            bash(
                "t",
                script,
                outputs=[{"url": f"s3://bucket/{place}/out", "regex": r".*\.txt"}],
                checkpoint=[{"path": "/work/ck", "url": f"s3://bucket/{place}/ck", "frequency": "1h"}],
            )
        ]
    )
    found = cluster.end(workflow)
    assert attempts(found, "t") == [("FAILED", 3)], cluster.log(workflow)
    assert cluster.s3.keys(place) == [f"{place}/ck/ck/step", f"{place}/out/o.txt"]
    passport = f"workflows/{workflow}/.argosmo/passports/t/0.json"
    assert cluster.s3.keys(f"workflows/{workflow}/") == [passport], "a last task with outputs keeps no copy"


def test_checkpoints_are_taken_while_the_task_runs_and_when_it_is_cancelled(cluster: ClusterScene) -> None:
    """§6.6 wait frequency, upload, repeat; on SIGTERM within the grace period. §5.8 cancel: outputs lost."""
    place = uuid.uuid4().hex
    script = (
        "mkdir /ck; echo early > /ck/f; touch {{output}}/o; "
        "trap 'echo late > /ck/f; exit 0' TERM; while :; do sleep 0.2; done"
    )
    workflow = cluster.submit(
        [
            bash(
                "t",
                script,
                outputs=[{"url": f"s3://bucket/{place}/out"}],
                checkpoint=[{"path": "/ck/*", "url": f"s3://bucket/{place}/ck", "frequency": "1s"}],
            )
        ]
    )
    cluster.until(workflow, lambda _found: cluster.s3.keys(place) == [f"{place}/ck/f"])
    assert cluster.s3.get(f"{place}/ck/f") == b"early\n"
    cluster.client.post(f"/api/workflow/{workflow}/cancel")
    found = cluster.end(workflow)
    assert [status for status, _ in attempts(found, "t")] == ["FAILED_CANCELED"]
    cluster.until(workflow, lambda _found: cluster.s3.get(f"{place}/ck/f") == b"late\n")
    assert cluster.s3.keys(place) == [f"{place}/ck/f"]


def test_an_input_where_nothing_is(cluster: ClusterScene) -> None:
    """§6.3 empty download result = warning only."""
    workflow = cluster.submit([bash("t", "ls {{input:0}} | wc -l", inputs=[{"url": "s3://bucket/none"}])])
    assert attempts(cluster.end(workflow), "t") == [("COMPLETED", 0)]
    log = cluster.log(workflow)
    assert "[t][osmo] Warning: input 0 from s3://bucket/none is empty" in log
    assert "[t] 0" in log
