"""A sandbox serves the next task only where the one before has left nothing at all in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.settings import IsolationChoice
from tests.integration.engine_scene import ISOLATIONS, Scene, run, scene, task
from translator.plan.model import ResourceRequest, TaskInput, TaskName, WorkflowId

SANDBOXES = [isolation for isolation in ISOLATIONS if isolation is not IsolationChoice.PLAIN]
# All that a task can find out about where it is, beside what differs from one sandbox to the next.
LOOK = """
exec 2>&1
for d in /tmp /osmo /osmo/data /osmo/data/input /osmo/data/output /osmo/run . $HOME /dev /dev/shm "$HIDDEN"; do
    stat -c "%A %U" "$d"; ls -lA --time-style=+ "$d" | grep -v ^total | grep -v pts
done
test -e /etc/left && echo left; set -- /proc/[0-9]*; echo $# processes
"""
LOOK_AT_FILES = "for d in /tmp /osmo/data/output .; do ls -A $d; done"
CHANGES = [
    "true",
    "chmod 700 /tmp",
    "touch /tmp/a",
    "mkdir /osmo/data/output/d",
    "rmdir /osmo/run/workspace",
    "mkdir /osmo/a",
    "setsid sleep 1000 < /dev/null > /dev/null 2>&1 &",
    "(sh -c 'while true; do sleep 0.01; done' < /dev/null > /dev/null 2>&1 &)",
]
# Plain processes share these with the machine.
CHANGES_IN_SANDBOXES = [
    "touch /dev/shm/a",
    "mkdir -p /dev/shm/a/b",
    "chmod 700 /dev/shm",
    "touch /dev/a",
    "ln -sf /etc/passwd /dev/stdin",
    "rm /dev/stdin",
    'touch "$HIDDEN/a"',
    'chmod 777 "$HIDDEN"',
    "touch /etc/left",
    "touch $HOME/a",
]
EVERYWHERE = [(isolation, change) for isolation in ISOLATIONS for change in CHANGES]
INSIDE = [(isolation, change) for isolation in SANDBOXES for change in CHANGES_IN_SANDBOXES]


def play(stage: Scene, command: str, **fields: object) -> list[str]:
    """Run a task until nothing of it is there any more; what it printed."""
    this = run(task("t", command, **{"environment": {"HIDDEN": str(stage.root)}, **fields}))
    memory = stage.run(this)
    assert memory.end("t").exit_code == 0, memory.log("t")
    stage.delete(this)
    return memory.log("t")


@pytest.fixture(scope="module")
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A running engine, once per isolation."""
    with scene(tmp_path_factory.mktemp("engine"), isolation=request.param) as running:
        yield running


@pytest.mark.parametrize(("stage", "change"), [*EVERYWHERE, *INSIDE], indirect=["stage"])
def test_tasks_that_follow_find_nothing_of_those_before(stage: Scene, change: str) -> None:
    look = LOOK_AT_FILES if stage.engine.isolation == "plain" else LOOK
    before = play(stage, look)
    # Where the sandbox gives no right to it, it fails and nothing was changed.
    play(stage, f"({change}) 2> /dev/null || true")
    assert play(stage, look) == before


@pytest.fixture(params=SANDBOXES)
def own(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """An engine that sets up one sandbox in advance."""
    with scene(tmp_path_factory.mktemp("engine"), isolation=request.param, spare_sandboxes=1) as running:
        yield running


def sandbox_of(stage: Scene, command: str = "true", **fields: object) -> str:
    """Run a task, and say which sandbox it was in: its mount namespace."""
    return play(stage, f"readlink /proc/self/ns/mnt; {command}", **fields)[0]


def test_a_sandbox_in_which_nothing_was_left_serves_the_next_task(own: Scene) -> None:
    assert sandbox_of(own, "sh -c true; touch /tmp/a; rm /tmp/a") == sandbox_of(own) == sandbox_of(own)


def test_inputs_that_were_empty_leave_nothing(own: Scene) -> None:
    empty = TaskInput(index=0, task=TaskName("other"), workflow_id=WorkflowId("none-1"))
    assert sandbox_of(own, "ls -d /osmo/data/input/0", inputs=(empty,)) == sandbox_of(own)


@pytest.mark.parametrize("command", ["touch /tmp/a", "touch /dev/shm/a", "setsid sleep 1000 > /dev/null 2>&1 &"])
def test_one_in_which_something_was_left_serves_nobody(own: Scene, command: str) -> None:
    assert sandbox_of(own, command) != sandbox_of(own)


def test_one_in_which_a_command_was_killed_serves_nobody(own: Scene) -> None:
    this = run(task("t", "readlink /proc/self/ns/mnt; exec sleep 1000"))
    memory = own.run(this)
    (sandbox,) = memory.wait(lambda: memory.log("t"))
    own.delete(this, force=True)
    assert sandbox_of(own) != sandbox


def test_one_that_was_not_like_others_serves_nobody(own: Scene) -> None:
    assert sandbox_of(own, privileged=True) != sandbox_of(own)
    assert sandbox_of(own, resources=ResourceRequest(gpu=1)) != sandbox_of(own)
