"""Gangs, barriers, restarts, deletion and stopping on the local engine."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.ports import LogLine
from engine.settings import IsolationChoice
from tests.integration.engine_scene import ISOLATIONS, Scene, eventually, group, run, scene, task
from translator.lifecycle.effects import CreateGroup, CreateTask, DeleteGroup, RestartInPlace, Seal
from translator.lifecycle.words import TaskStatus
from translator.plan.model import (
    ExitAction,
    ExitRule,
    GroupName,
    ResourceRequest,
    TaskName,
    UrlInput,
)

BEST_AND_PLAIN = [IsolationChoice.AUTO, IsolationChoice.PLAIN]
AGAIN = (ExitRule(action=ExitAction.RESCHEDULE, ranges=((75, 75),)),)
FOREVER = "echo up; while :; do sleep 0.05; done"


@pytest.fixture(scope="module", params=ISOLATIONS)
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A running engine for many tests, once per isolation; nobody waits long for its grace."""
    with scene(tmp_path_factory.mktemp("engine"), isolation=request.param, grace_seconds=0.5) as running:
        yield running


def alive(text: str) -> list[int]:
    """The processes of this machine whose command line has a text in it."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdecimal() and int(name) != os.getpid():
            try:
                if text.encode() in Path(f"/proc/{name}/cmdline").read_bytes():
                    found.append(int(name))
            except OSError:
                continue
    return found


def launcher_of(root: Path) -> int:
    """The launcher that holds the lock of an engine's directory."""
    held = str(root / "lock")
    for pid in alive("engine.launcher.main"):
        # Launchers of other users, or of another moment, cannot be looked into.
        with contextlib.suppress(OSError):
            if any(os.readlink(link) == held for link in Path(f"/proc/{pid}/fd").iterdir()):
                return pid
    raise AssertionError("There is no launcher")


def test_tasks_of_a_group_pass_the_barrier_together(stage: Scene, tmp_path: Path) -> None:
    """§5.5 all are released when the number of those there reaches the number of unfinished tasks."""
    (tmp_path / "pipe").mkdir()
    late = task("late", "echo late", inputs=(UrlInput(index=0, url=f"file://{tmp_path}/pipe"),))
    memory = stage.run(run(group("g", task("early", "echo early"), late)))
    assert memory.end("early").exit_code == memory.end("late").exit_code == 0
    fetched = next(fact.input_download_end_time for fact in memory.data("late") if fact.input_download_end_time)
    printed = next(line.at for line in memory.story if isinstance(line, LogLine) and line.text == "early")
    assert fetched <= printed


def test_one_that_fails_before_the_barrier_blocks_nobody(stage: Scene) -> None:
    """§5.5 A task that fails before reaching the barrier, when ignored, does not block the others."""
    broken = task("broken", "echo never", inputs=(UrlInput(index=0, url="gs://bucket/x"),))
    memory = stage.run(run(group("g", task("lead", "echo lead"), broken)))
    assert memory.end("broken").exit_code == 2013
    assert "No credential for gs://bucket" in memory.end("broken").message
    assert memory.end("lead").exit_code == 0
    assert not memory.log("broken")


def test_without_barrier_each_starts_at_once(stage: Scene) -> None:
    """§5.5 With barrier: false each command starts as soon as its own inputs are there."""
    first = run(group("g", task("a", "echo a"), task("b", FOREVER), barrier=False))
    memory = stage.run(first)
    assert memory.end("a").exit_code == 0
    memory.wait(lambda: memory.log("b"))
    stage.delete(first)


def test_creating_a_group_twice_runs_it_once(stage: Scene) -> None:
    first = run(task("t", "echo once"))
    create = CreateGroup(group=GroupName("t-group"))
    stage.apply(first, create, create)
    memory = stage.memory(first)
    memory.end("t")
    stage.apply(first, create)
    stage.delete(first)
    assert memory.log("t") == ["once"]
    assert len(memory.seen("t")) == 4


def test_deletion_terminates_and_tells_no_end(stage: Scene) -> None:
    """Ended by us: no FAILED with a code, who asked has decided; lines until the end are there."""
    first = run(task("t", "trap 'echo asked; exit 3' TERM; " + FOREVER))
    memory = stage.run(first)
    memory.wait(lambda: memory.log("t"))
    stage.delete(first)
    assert memory.statuses("t")[-1] is TaskStatus.RUNNING
    # A shell may add that the program it waited for was terminated too.
    assert [line for line in memory.log("t") if line != "Terminated"] == ["up", "asked"]
    assert "Killing" in memory.events_of("t")


@pytest.mark.parametrize("force", [False, True])
def test_deletion_kills_what_does_not_listen(stage: Scene, force: bool) -> None:
    """TERM, grace, KILL; with force KILL at once (grace 0)."""
    mark = f"stubborn-{force}-{os.urandom(4).hex()}"
    script = f"trap '' TERM; setsid sh -c 'trap \"\" TERM; while :; do sleep 0.05; done' {mark} & {FOREVER}"
    first = run(task("t", script))
    memory = stage.run(first)
    memory.wait(lambda: memory.log("t"))
    assert alive(mark)
    stage.delete(first, force=force)
    assert not alive(mark)


def test_force_after_a_patient_deletion_does_not_wait(tmp_path: Path) -> None:
    with scene(tmp_path, grace_seconds=600.0) as patient:
        first = run(task("t", "trap '' TERM; " + FOREVER))
        memory = patient.run(first)
        memory.wait(lambda: memory.log("t"))
        patient.apply(first, DeleteGroup(group=GroupName("t-group")))
        memory.wait(lambda: "Killing" in memory.events_of("t"))
        patient.delete(first, force=True)


def test_a_clean_group_tells_so_each_time_it_is_asked(stage: Scene) -> None:
    """GroupCleaned when nothing is left; also for a group that was never created."""
    first = run(task("t", "true", ""))
    memory = stage.memory(first)
    stage.delete(first)
    stage.delete(first)
    assert len(memory.cleaned("t-group")) == 2
    stage.run(first)
    stage.delete(first)
    assert not memory.seen("t")


def test_what_an_attempt_wrote_is_removed_and_its_run_with_the_seal(stage: Scene) -> None:
    first = run(task("t", "mkdir -p deep/er; chmod 0 deep; echo x > /tmp/f"))
    memory = stage.run(first)
    memory.end("t")
    stage.delete(first)
    assert not stage.box(first, "t").exists()
    stage.apply(first, Seal())
    eventually(lambda: not stage.box(first, "t").parent.parent.exists())


def test_a_new_attempt_starts_from_scratch(stage: Scene) -> None:
    """§5.4 files and inputs are provided again from scratch; retry_id + 1."""
    script = "ls /tmp/mark 2>/dev/null && echo dirty; touch /tmp/mark /osmo/data/output/old; exit 75"
    first = run(task("t", script, exit_rules=AGAIN, max_retries=1))
    memory = stage.run(first)
    assert memory.end("t").exit_code == 75
    again = CreateTask(task=TaskName("t"), retry_id=1)
    stage.apply(first, again, again)
    assert memory.end("t", 1).exit_code == 75
    stage.apply(first, again)
    stage.delete(first)
    assert not memory.log("t")
    assert len(memory.seen("t", 1)) == 4


def test_restart_in_place_keeps_files_and_attempt(stage: Scene) -> None:
    """§5.5 the command's process group is killed; file system content and inputs stay; retry_id is unchanged."""
    script = "echo x >> /tmp/starts; echo y >> kept; echo start $(wc -l < /tmp/starts) $(wc -l < kept); sleep 1000"
    # Without a barrier, because the new attempt of the lead, for which it would wait, never comes here.
    first = run(group("g", task("lead", FOREVER), task("helper", script), barrier=False))
    memory = stage.run(first)
    memory.wait(lambda: memory.log("helper"))
    again = RestartInPlace(tasks=(TaskName("helper"),), because_of=TaskName("lead"), retry_id=1)
    stage.apply(first, again, again)
    memory.wait(lambda: len(memory.log("helper")) == 2)
    stage.apply(first, again)
    stage.delete(first)
    assert memory.log("helper") == ["start 1 1", "start 2 2"]
    assert memory.statuses("helper").count(TaskStatus.RUNNING) == 1


def test_the_lead_comes_back_and_the_other_waits_for_it_in_the_barrier(stage: Scene) -> None:
    """§5.3 If the lead ends by RESCHEDULE, all other tasks restart in place; §5.5 they pass the barrier again."""
    lead = task("lead", "echo lead; exit 75", exit_rules=AGAIN, max_retries=1)
    first = run(group("g", lead, task("helper", "echo helper; sleep 1000")))
    memory = stage.run(first)
    memory.wait(lambda: memory.log("helper"))
    assert memory.end("lead").exit_code == 75
    helper = (TaskName("helper"),)
    stage.apply(first, RestartInPlace(tasks=helper, because_of=TaskName("lead"), retry_id=1))
    memory.wait(lambda: "Killing" in memory.events_of("helper"))
    assert memory.log("helper") == ["helper"]
    stage.apply(first, CreateTask(task=TaskName("lead"), retry_id=1))
    memory.end("lead", 1)
    memory.wait(lambda: len(memory.log("helper")) == 2)
    stage.delete(first)
    assert memory.log("lead") == ["lead", "lead"]


def test_a_barrier_waits_for_the_one_that_will_come_again(stage: Scene) -> None:
    """§5.4 RESCHEDULE: a new attempt in PROCESSING; so the barrier counts the task as unfinished all the time."""
    lead = task(
        "lead",
        "echo lead",
        inputs=(UrlInput(index=0, url="gs://not/there"),),
        exit_rules=(ExitRule(action=ExitAction.RESCHEDULE, ranges=((2010, 2013),)),),
        max_retries=1,
    )
    first = run(group("g", lead, task("helper", "echo helper")))
    memory = stage.run(first)
    assert memory.end("lead").exit_code == 2013
    stage.apply(first, CreateTask(task=TaskName("lead"), retry_id=1))
    # The second failure is the last one: now nobody is waited for.
    assert memory.end("lead", 1).exit_code == 2013
    assert memory.end("helper").exit_code == 0
    order = [fact for fact in memory.story if fact in (memory.end("lead", 1), memory.end("helper"))]
    assert order[0] == memory.end("lead", 1)


CPUS_3 = ResourceRequest(cpu=3)


def test_a_gang_waits_until_all_of_it_fits_and_nobody_overtakes(tmp_path: Path) -> None:
    """All tasks of a group start together or wait; first come, first served."""
    with scene(tmp_path, grace_seconds=0.2) as stage:
        hog = run(task("hog", FOREVER, resources=CPUS_3))
        memory = stage.run(hog)
        memory.wait(lambda: memory.log("hog"))
        half = ResourceRequest(cpu=2)
        gang = run(group("g", task("a", "echo a", resources=half), task("b", "echo b", resources=half)))
        small = run(task("small", "echo small", resources=ResourceRequest(cpu=1)))
        waiting, behind = stage.run(gang), stage.run(small)
        behind.wait(lambda: behind.statuses("small"))
        assert waiting.statuses("a") == waiting.statuses("b") == [TaskStatus.SCHEDULING]
        # One core is free, but the gang was there first.
        assert behind.statuses("small") == [TaskStatus.SCHEDULING]
        stage.delete(hog)
        assert waiting.end("a").exit_code == waiting.end("b").exit_code == behind.end("small").exit_code == 0
        assert waiting.seen("b")[1].at <= behind.seen("small")[1].at


def test_a_queued_group_can_be_deleted(tmp_path: Path) -> None:
    with scene(tmp_path, grace_seconds=0.2) as stage:
        hog, queued = run(task("hog", FOREVER, resources=CPUS_3)), run(task("q", "echo ran", resources=CPUS_3))
        stage.run(hog)
        memory = stage.run(queued)
        memory.wait(lambda: memory.statuses("q"))
        stage.delete(queued)
        stage.delete(hog)
        assert memory.statuses("q") == [TaskStatus.SCHEDULING]


def test_a_group_beyond_the_machine_runs_alone_and_says_so(tmp_path: Path) -> None:
    with scene(tmp_path) as stage:
        big = run(task("big", "echo ran", resources=ResourceRequest(cpu=1000, gpu=9)))
        memory = stage.run(big)
        assert memory.end("big").exit_code == 0
        assert "InsufficientResources" in memory.events_of("big")
        assert "1000 CPUs of 4, 9 GPUs of 2" in memory.system_log("big")[0]


def test_a_group_beyond_the_machine_gets_its_new_attempts(tmp_path: Path) -> None:
    """A new attempt takes over what the one before held; others do not come between."""
    with scene(tmp_path, grace_seconds=0.2) as stage:
        lead = task("lead", "exit 75", exit_rules=AGAIN, max_retries=1, resources=CPUS_3)
        first = run(group("g", lead, task("helper", FOREVER, resources=CPUS_3), barrier=False))
        memory = stage.run(first)
        assert memory.end("lead").exit_code == 75
        other = run(task("other", "echo ran"))
        waiting = stage.run(other)
        stage.apply(first, CreateTask(task=TaskName("lead"), retry_id=1))
        assert memory.end("lead", 1).exit_code == 75
        assert waiting.statuses("other") == [TaskStatus.SCHEDULING]
        stage.delete(first)
        assert waiting.end("other").exit_code == 0


@pytest.mark.parametrize("isolation", BEST_AND_PLAIN)
def test_stop_ends_everything_and_tells_it(tmp_path: Path, isolation: IsolationChoice) -> None:
    """stop(): TERM, grace, KILL, reports, leaves no process; also none that left its group and its parent."""
    mark = f"stray-{os.urandom(4).hex()}"
    # A grandchild in a session of its own, whose parent is gone.
    script = f"(setsid sh -c 'while :; do sleep 0.05; done' {mark} >/dev/null 2>&1 &); {FOREVER}"
    with scene(tmp_path, isolation=isolation, grace_seconds=0.3) as stage:
        running, waiting = run(task("t", script, resources=CPUS_3)), run(task("q", "echo ran", resources=CPUS_3))
        memory = stage.run(running)
        memory.wait(lambda: memory.log("t"))
        queued = stage.run(waiting)
        queued.wait(lambda: queued.statuses("q"))
        eventually(lambda: alive(mark))
        stage.engine.stop()
        end = memory.end("t")
        assert (end.status, end.exit_code) == (TaskStatus.FAILED_BACKEND_ERROR, 3001)
        assert "stopped" in end.message
        # What had not begun is as it was: the next engine queues it again.
        assert queued.statuses("q") == [TaskStatus.SCHEDULING]
        assert not alive(mark)
        assert not alive(str(tmp_path))


def test_forgetting_a_workflow_kills_what_is_left_of_it(stage: Scene) -> None:
    mark = f"forgotten-{os.urandom(4).hex()}"
    first = run(task("t", "sh", "-c", FOREVER, mark))
    memory = stage.run(first)
    memory.wait(lambda: memory.log("t"))
    stage.engine.forget(first)
    eventually(lambda: not alive(mark))


@pytest.mark.parametrize("isolation", BEST_AND_PLAIN)
def test_tasks_are_lost_with_the_launcher_and_others_run_after(tmp_path: Path, isolation: IsolationChoice) -> None:
    """An attempt that is no longer there is reported as FAILED_BACKEND_ERROR, 3001."""
    with scene(tmp_path, isolation=isolation) as stage:
        mark = f"lost-{os.urandom(4).hex()}"
        first = run(task("t", "sh", "-c", f"(setsid sleep 1000 {mark} &); {FOREVER}"))
        memory = stage.run(first)
        memory.wait(lambda: memory.log("t"))
        launcher = launcher_of(tmp_path)
        os.kill(launcher, signal.SIGKILL)
        end = memory.end("t")
        assert (end.status, end.exit_code) == (TaskStatus.FAILED_BACKEND_ERROR, 3001)
        stage.delete(first)
        assert not alive(mark)
        second = stage.run(run(task("after", "echo fine")))
        assert second.end("after").exit_code == 0
