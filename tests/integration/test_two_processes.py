"""A server and a command use one data directory at the same time, and neither takes from or waits for the other."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from gateway.ports.records import Page, WorkflowFilter
from gateway.ports.runs import StoredRun
from gateway.store.session import open_store
from tests.integration import crash_child
from tests.integration.crash_child import run_chains, run_until_told
from tests.workplace import PATIENCE_SECONDS, workplace
from translator.lifecycle.words import WorkflowStatus

CHAINS = 8


def test_both_run_what_is_theirs(tmp_path: Path) -> None:
    open_store(f"sqlite:///{tmp_path / 'test.db'}").close()
    children = [_child(run_chains, str(tmp_path), name, CHAINS) for name in ("left", "right")]
    for child in children:
        child.join(PATIENCE_SECONDS * 2)
        assert child.exitcode == 0
    store = open_store(f"sqlite:///{tmp_path / 'test.db'}")
    with store.reading() as reads:
        found = reads.workflows(WorkflowFilter(), Page(limit=100)).workflows
        assert (reads.unsealed(), reads.instances()) == ((), ())
        owners = {workflow.name: _owner(reads.load_run(workflow.uuid)) for workflow in found}
    store.close()
    assert sorted(found.workflow_id for found in found) == sorted(
        f"{name}-{number}" for name in ("left", "right") for number in range(1, CHAINS + 1)
    )
    assert {workflow.status for workflow in found} == {WorkflowStatus.COMPLETED}
    assert owners["left"] != owners["right"]


def test_what_a_killed_process_left_is_taken_over_by_one_that_lives(tmp_path: Path) -> None:
    here, there = multiprocessing.Pipe()
    child = _child(run_until_told, str(tmp_path), there)
    uuid = here.recv()
    with workplace(tmp_path) as place:
        place.advance(30)
        assert place.mirror.counts()["tracked"] == 0
        child.kill()
        child.join(PATIENCE_SECONDS)
        assert child.exitcode == -signal.SIGKILL
        place.advance(2)
        assert place.record(uuid).status is WorkflowStatus.FAILED
        assert place.record(uuid).sealed
        place.advance(15)
        with place.store.reading() as reads:
            assert [known.name for known in reads.instances()] == [place.mirror.instance]
        assert [path.stem for path in (tmp_path / "engines").iterdir()] == [place.mirror.instance]


def _child(target: Callable[..., None], *arguments: str | int | Connection) -> multiprocessing.process.BaseProcess:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([crash_child.__name__])
    child = context.Process(target=target, args=arguments)
    child.start()
    return child


def _owner(stored: StoredRun | None) -> str | None:
    assert stored is not None
    return stored.owner.instance
