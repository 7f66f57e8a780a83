"""The process is killed (SIGKILL) at every crash point of the gateway, started again, and nothing is lost or doubled.

Principle: "Nothing accepted is ever lost or doubled." What follows each kill is the same: the log on the disk is a
prefix of what was written, and after a restart every workflow is there once, every attempt has ended once and as it
would have without the kill, and the database is intact.
"""

from __future__ import annotations

import multiprocessing
import re
import signal
import sqlite3
from collections import Counter
from collections.abc import Collection
from pathlib import Path

import pytest

from gateway.ports.crashpoints import ARCHIVE_CRASH_POINTS, ARGO_CRASH_POINTS, GATEWAY_CRASH_POINTS
from gateway.ports.logs import LogQuery
from gateway.ports.records import Page, WorkflowFilter, WorkflowRecord
from gateway.ports.store import Reads
from gateway.store.logs import FileLogs
from gateway.store.session import open_store
from tests.integration import crash_child
from tests.integration.crash_child import LINES, run, stories

GATEWAY = Path(__file__).parents[2] / "gateway"
# Points that are passed often are also met later, in the middle of the work.
LATER = ("store.before-commit:6", "store.after-commit:11", "mirror.saved:7", "mirror.effects-applied:5")
CASES = [*sorted(GATEWAY_CRASH_POINTS), *LATER, "mirror.reduced:9", "logs.appended:8", "logs.segment-indexed:2"]
ON_POSTGRESQL = (
    "store.before-commit:6",
    "store.after-commit:11",
    "mirror.saved:7",
    "store.key-claimed",
    "store.migrated",
)


def test_every_crash_point_stands_in_the_code_once() -> None:
    found = Counter(
        name for path in GATEWAY.rglob("*.py") for name in re.findall(r'crash_point\("([^"]+)"\)', path.read_text())
    )
    assert set(found) == GATEWAY_CRASH_POINTS.keys() | ARGO_CRASH_POINTS.keys() | ARCHIVE_CRASH_POINTS.keys()
    assert max(found.values()) == 1
    assert len(found) >= 15


@pytest.mark.parametrize("crash_at", CASES)
def test_a_kill_loses_and_doubles_nothing(tmp_path: Path, crash_at: str) -> None:
    kill_and_restart(tmp_path, f"sqlite:///{tmp_path / 'test.db'}", crash_at)
    with sqlite3.connect(tmp_path / "test.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


@pytest.mark.xdist_group("postgresql")
@pytest.mark.parametrize("crash_at", ON_POSTGRESQL)
def test_the_same_on_postgresql(tmp_path: Path, postgres_emptied: str, crash_at: str) -> None:
    kill_and_restart(tmp_path, postgres_emptied, crash_at)


def test_several_kills_in_a_row(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'test.db'}"
    for turn, crash_at in enumerate(("mirror.saved:3", "mirror.taken-over", "mirror.recovered:2", "mirror.log-sealed")):
        assert outcome(tmp_path, url, crash_at, turn) == -signal.SIGKILL
        check_logs_are_prefixes(tmp_path, url)
    assert outcome(tmp_path, url, "", 9) == 0
    check_all_is_well(tmp_path, url)


def kill_and_restart(home: Path, url: str, crash_at: str) -> None:
    """The story of each case."""
    assert outcome(home, url, crash_at, 0) == -signal.SIGKILL, f"{crash_at} was not passed"
    check_logs_are_prefixes(home, url)
    assert outcome(home, url, "", 1) == 0
    check_all_is_well(home, url)


def outcome(home: Path, url: str, crash_at: str, turn: int) -> int | None:
    """Run the child; its exit code, negative for a signal."""
    # A server that has imported everything once forks the children: an import costs more than the whole story.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([crash_child.__name__])
    child = context.Process(target=run, args=(str(home), url, crash_at, turn))
    child.start()
    child.join(60)
    assert child.exitcode is not None, "the child hangs"
    return child.exitcode


def check_logs_are_prefixes(home: Path, url: str) -> None:
    """Whole lines, in the order in which they were written, none twice."""
    store = open_store(url)
    logs = FileLogs(home / "logs", store)
    with store.reading() as reads:
        for workflow in every_workflow(reads):
            for name, wanted in LINES.items():
                query = LogQuery(task=name, retry_id=0)
                found = [line.text for line in logs.read(workflow.uuid, query)]
                assert found == wanted[: len(found)]
    logs.close()
    store.close()


def check_all_is_well(home: Path, url: str) -> None:
    """Everything ended, once, as it would have without a kill."""
    store = open_store(url)
    logs = FileLogs(home / "logs", store)
    with store.reading() as reads:
        found = {workflow.workflow_id: workflow for workflow in every_workflow(reads)}
        assert sorted(found) == sorted(["refused-1", *(f"{story.name}-1" for story in stories())])
        assert reads.unsealed() == ()
        assert reads.instances() == ()
        for story in stories():
            workflow = next(known for known in found.values() if known.name == story.name)
            assert (workflow.status, workflow.sealed) == (story.status, True)
            attempts = reads.attempts(workflow.uuid, all_retries=True)
            ended = {name: [one.status for one in attempts[::-1] if one.name == name] for name in story.tasks}
            assert ended == story.tasks
            assert all(one.end_time is not None for one in attempts)
            check_log(logs, workflow, story.tasks)
    logs.close()
    store.close()


def check_log(logs: FileLogs, workflow: WorkflowRecord, tasks: Collection[str]) -> None:
    """All lines are there, in order; only what was on the way to the mirror when the kill came may be there twice."""
    for name, wanted in LINES.items():
        if name not in tasks:
            continue
        lines = [line.text for line in logs.read(workflow.uuid, LogQuery(task=name, retry_id=0))]
        assert lines[len(lines) - len(wanted) :] == wanted
        assert lines[: len(lines) - len(wanted)] == wanted[: len(lines) - len(wanted)]


def every_workflow(reads: Reads) -> tuple[WorkflowRecord, ...]:
    """All rows."""
    return reads.workflows(WorkflowFilter(), Page(limit=100)).workflows
