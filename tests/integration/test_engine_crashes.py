"""The engine is killed at every named point; a new one brings the workflow to its end. Nothing is lost or doubled."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from engine.crashpoints import CRASH_POINTS, VARIABLE
from engine.settings import IsolationChoice
from storage.datasets.client import DatasetClient
from tests.integration.engine_keeper import Keeper, settings_for, story
from tests.integration.engine_scene import eventually
from translator.lifecycle.facts import TaskObserved
from translator.lifecycle.words import TaskStatus, WorkflowStatus

PROJECT = Path(__file__).resolve().parents[2]
# Reached only where something was left by an engine before.
LATE = {"workflow.recovered"}
PASSAGES = [(point, 1) for point in CRASH_POINTS if point not in LATE]
PASSAGES += [("record.written", number) for number in (2, 4, 6)] + [("facts.after", number) for number in (2, 4, 6)]


def run_until_killed(directory: Path, isolation: str, mark: str, crash_at: str, *, certain: bool = True) -> None:
    """Drive the story in a process that dies at a crash point; it may end in that process if this is not certain."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.engine_keeper", str(directory), isolation, mark],
        cwd=PROJECT,
        env={**os.environ, VARIABLE: crash_at},
        timeout=60,
        check=False,
    )
    if certain or done.returncode != 0:
        assert done.returncode == -signal.SIGKILL, f"{crash_at} was not passed"


def alive(text: str) -> list[str]:
    """The command lines of this machine with a text in them."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdecimal() and int(name) != os.getpid():
            try:
                line = Path(f"/proc/{name}/cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if text in line:
                found.append(line)
    return found


def finish(directory: Path, isolation: str, mark: str) -> Keeper:
    """Take the story up in this process and bring it to its end."""
    keeper = Keeper(story(directory / "shared", mark), directory, settings_for(directory, isolation))
    try:
        assert keeper.sealed.wait(30), keeper.state
    finally:
        keeper.stop()
    return keeper


def check(keeper: Keeper, directory: Path, mark: str) -> None:
    """What must be true after any crash."""
    attempts = {(task, state.retry_id): state for task, states in keeper.state.attempts.items() for state in states}
    assert keeper.state.status.finished
    assert all(state.status.finished for state in attempts.values())
    # No attempt starts its command twice.
    starts = (
        Counter((directory / "shared/starts").read_text().split()) if (directory / "shared/starts").exists() else {}
    )
    assert starts.get("lead", 0) <= 1
    assert starts.get("reader", 0) <= 1
    assert starts.get("helper", 0) <= 2
    # No end is told twice, and every one that was told is true.
    ends = Counter(
        (fact.task, fact.retry_id)
        for fact in keeper.known_facts()
        if isinstance(fact, TaskObserved) and fact.status.finished
    )
    assert set(ends.values()) <= {1}
    if keeper.state.attempts["lead"][-1].status is TaskStatus.COMPLETED:  # type: ignore[index]
        assert (directory / "data/story-1/lead/f").read_text() == "out\n"
        check_dataset(keeper, directory)
    lost = [state for state in attempts.values() if state.status is TaskStatus.FAILED_BACKEND_ERROR]
    assert keeper.state.status is WorkflowStatus.COMPLETED or lost
    assert {state.exit_code for state in lost} <= {3001}
    others = {(state.status, state.failure_message) for state in attempts.values() if state.exit_code not in (0, 3001)}
    assert not [found for found in others if found[0] is TaskStatus.FAILED_START_ERROR]
    # Nothing is left: no process, no directory of a run.
    assert not alive(mark)
    assert not alive(str(directory))
    assert not list((directory / "root/runs").iterdir())
    assert not list((directory / "root/trash").iterdir())
    assert not list((directory / "root/spare").iterdir())


def check_dataset(keeper: Keeper, directory: Path) -> None:
    """What was stored was told once, and is whole; nothing says that an upload goes on."""
    ends = [fact for fact in keeper.known_facts() if isinstance(fact, TaskObserved) and fact.made]
    (made,) = (made for end in ends for made in end.made)
    client = DatasetClient(f"file://{directory}/datasets")
    manifest = client.manifest(made.manifest)
    assert [file.path for file in manifest.files] == ["f"]
    assert client.check(manifest).is_whole
    assert not list((directory / "datasets/writers").iterdir())


def prepared(directory: Path) -> str:
    """Make the shared directory; a mark for all processes of this test."""
    (directory / "shared").mkdir()
    return f"mark-{os.urandom(6).hex()}"


@pytest.mark.parametrize(("point", "passage"), PASSAGES)
def test_killed_once(tmp_path: Path, point: str, passage: int) -> None:
    mark = prepared(tmp_path)
    # The engine tells in one go what happened within a moment, so only the first passage comes on every machine.
    run_until_killed(tmp_path, "auto", mark, f"{point}:{passage}", certain=passage == 1)
    eventually(lambda: not alive(mark))
    check(finish(tmp_path, "auto", mark), tmp_path, mark)


@pytest.mark.parametrize("point", ["command.started", "command.exit-seen", "upload.one-done", "facts.before"])
def test_killed_once_with_plain_processes(tmp_path: Path, point: str) -> None:
    mark = prepared(tmp_path)
    run_until_killed(tmp_path, IsolationChoice.PLAIN, mark, f"{point}:1")
    eventually(lambda: not alive(mark))
    check(finish(tmp_path, IsolationChoice.PLAIN, mark), tmp_path, mark)


def test_killed_again_and_again(tmp_path: Path) -> None:
    mark = prepared(tmp_path)
    run_until_killed(tmp_path, "auto", mark, "exit.recorded:2")
    run_until_killed(tmp_path, "auto", mark, "workflow.recovered:1")
    run_until_killed(tmp_path, "auto", mark, "facts.before:1")
    check(finish(tmp_path, "auto", mark), tmp_path, mark)


def test_an_exit_on_record_is_told_as_it_was_and_its_output_uploaded(tmp_path: Path) -> None:
    """recover: recorded exit -> its true end (resuming the upload)."""
    mark = prepared(tmp_path)
    # The helper ends first; the second end is the lead's.
    run_until_killed(tmp_path, "auto", mark, "upload.begins:1")
    keeper = finish(tmp_path, "auto", mark)
    check(keeper, tmp_path, mark)
    (lead,) = keeper.state.attempts["lead"]  # type: ignore[index]
    assert (lead.status, lead.exit_code) == (TaskStatus.COMPLETED, 0)
    assert keeper.state.status is WorkflowStatus.COMPLETED


def test_a_command_that_ran_is_lost_with_its_engine(tmp_path: Path) -> None:
    """no record -> FAILED_BACKEND_ERROR 3001 with a clear message."""
    mark = prepared(tmp_path)
    run_until_killed(tmp_path, "auto", mark, "command.started:1")
    keeper = finish(tmp_path, "auto", mark)
    lost = [state for states in keeper.state.attempts.values() for state in states if state.exit_code == 3001]
    assert lost
    assert {state.failure_message for state in lost} == {
        "The local engine was ended while the task ran, and the task with it"
    }


def test_every_crash_point_stands_in_the_code_once_and_is_explained() -> None:
    named = [
        name
        # What engine and pods share is told its points by whoever uses it.
        for path in (*(PROJECT / "engine").rglob("*.py"), PROJECT / "runtime/task_data.py")
        for name in re.findall(r'(?:crash_point|self\.mark)\("([^"]+)"\)', path.read_text())
    ]
    assert sorted(named) == sorted(CRASH_POINTS)
    assert all(text.endswith(".") for text in CRASH_POINTS.values())
