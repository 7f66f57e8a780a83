"""Groups of several tasks in pods: barrier, names, restart in place, the lead's end."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.scene import IMAGE, ClusterScene, attempts

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster"), pytest.mark.timeout(400)]

LEAD = """
import socket, sys
start = int(sys.argv[1])
server = socket.create_server(("", 9000))
heard = set()
while len(heard) < 2 or start == 1:
    connection, _ = server.accept()
    try:
        name = connection.recv(100).decode()
        connection.sendall(str(start).encode())
    except OSError:
        continue
    if name:
        heard.add(name)
    connection.close()
open("{{output}}/heard", "w").write(" ".join(sorted(heard)))
"""

WORKER = """
import socket, sys, time
while True:
    try:
        connection = socket.create_connection(("{{host:lead}}", 9000), 5)
        connection.sendall(sys.argv[1].encode())
        answer = connection.recv(100).decode()
        if answer:
            break
    except OSError:
        time.sleep(0.1)
print("lead says", answer, flush=True)
"""

COUNT = "echo x >> /tmp/starts; n=$(wc -l < /tmp/starts); echo $0 start $n; "


def task(name: str, script: str, **more: Any) -> dict[str, Any]:
    """A task whose script knows in `$n` for which time it is started in its container, and its name in `$0`."""
    return {"name": name, "image": IMAGE, "command": ["bash", "-c"], "args": [COUNT + script, name], **more}


def python(name: str, path: str, program: str, script: str, **more: Any) -> dict[str, Any]:
    """A task with a program in a file."""
    return task(name, script, files=[{"path": path, "contents": program}], **more)


def test_a_group_from_barrier_to_the_end_of_its_lead(cluster: ClusterScene) -> None:
    """§5.3 to §5.5: all start together; a non-lead that counts is rescheduled and the others restart in place, in the
    same container; the lead's end ends the others; a group that needs the lead's output gets it."""
    workers = [
        # Its first attempt meets the lead's first start.
        python(
            "w1",
            "/tmp/w.py",
            WORKER,
            'python3 /tmp/w.py "$0" > /tmp/said; cat /tmp/said; grep -q "says 1" /tmp/said && exit 42; sleep 600',
            exitActions={"RESCHEDULE": "42"},
        ),
        python("w2", "/tmp/w.py", WORKER, 'python3 /tmp/w.py "$0"; sleep 600'),
    ]
    lead = python("lead", "/tmp/lead.py", LEAD, "exec python3 /tmp/lead.py $n", lead=True)
    groups = [
        {"name": "team", "barrier": True, "ignoreNonleadStatus": False, "tasks": [lead, *workers]},
        {"name": "after", "tasks": [task("use", "cat {{input:0}}/heard", inputs=[{"task": "lead"}], lead=True)]},
    ]
    workflow = cluster.submit(groups=groups)
    found = cluster.end(workflow)
    log = cluster.log(workflow)
    assert found["status"] == "COMPLETED", (found, log)
    assert attempts(found, "lead") == [("COMPLETED", 0)]
    assert attempts(found, "w1") == [("RESCHEDULED", 42), ("COMPLETED", None)]
    assert attempts(found, "w2") == [("COMPLETED", None)]
    for name, starts in (("lead", 2), ("w2", 2)):
        own = [line for line in cluster.log(workflow, name) if "start" in line]
        assert own == [f"[{name}] {name} start {number}" for number in range(1, starts + 1)]
    assert [line for line in log if "w1 start" in line] == ["[w1] w1 start 1", "[w1 retry-1] w1 start 1"]
    assert "[use] w1 w2" in log


def test_a_lead_that_comes_again_restarts_the_others(cluster: ClusterScene) -> None:
    """§5.3 if the lead ends by RESCHEDULE, all other tasks restart in place, whatever ignoreNonleadStatus says."""
    # The worker's second start is the sign that the lead came again; its name stands in the group's service.
    lead = python(
        "lead",
        "/tmp/lead.py",
        "import socket, sys\nserver = socket.create_server(('', 9000))\n"
        "n = int(server.accept()[0].recv(9)[-1:])\nsys.exit(42 if n == 1 else 0)\n",
        "exec python3 /tmp/lead.py",
        lead=True,
        exitActions={"RESCHEDULE": "42"},
    )
    worker = python("w", "/tmp/w.py", WORKER, 'python3 /tmp/w.py "w$n"; sleep 600')
    workflow = cluster.submit(groups=[{"name": "team", "tasks": [lead, worker]}])
    found = cluster.end(workflow)
    assert attempts(found, "lead") == [("RESCHEDULED", 42), ("COMPLETED", 0)], cluster.log(workflow)
    assert attempts(found, "w") == [("COMPLETED", None)]
    assert [line for line in cluster.log(workflow, "w") if "start" in line] == ["[w] w start 1", "[w] w start 2"]


@pytest.mark.parametrize("ignored", [True, False])
def test_a_non_lead_that_fails(cluster: ClusterScene, ignored: bool) -> None:
    """§5.3 end of a non-lead task: recorded on the task only, or all others become FAILED "Task X Failed."."""
    group = {
        "name": "team",
        "ignoreNonleadStatus": ignored,
        "tasks": [task("lead", "sleep 8; echo done", lead=True), task("w", "exit 7"), task("other", "sleep 600")],
    }
    found = cluster.end(cluster.submit(groups=[group]))
    assert attempts(found, "w") == [("FAILED", 7)]
    wanted = ("COMPLETED", 0) if ignored else ("FAILED", None)
    assert attempts(found, "lead") == [wanted]
    assert attempts(found, "other") == [(wanted[0], None)]
    rows = {row["name"]: row["failure_message"] for group in found["groups"] for row in group["tasks"]}
    assert rows["other"] == ("Lead task finished" if ignored else "Task w Failed.")


def test_a_member_whose_image_cannot_be_had(cluster: ClusterScene) -> None:
    """§5.5 a task that ended does not count at the barrier: failing before it blocks nobody."""
    missing = {"name": "w", "image": "registry.invalid/no/such:1", "command": ["true"]}
    group = {"name": "team", "barrier": True, "tasks": [task("lead", "echo went", lead=True), missing]}
    workflow = cluster.submit(groups=[group])
    found = cluster.end(workflow)
    assert found["status"] == "COMPLETED", (found, cluster.log(workflow))
    assert [status for status, _ in attempts(found, "w")] == ["FAILED_IMAGE_PULL"]
    assert attempts(found, "lead") == [("COMPLETED", 0)]
    cluster.until_gone(workflow)
