"""Sealing beside the loop: what fails is tried again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.mirror.clock import VirtualClock
from gateway.mirror.sealer import Sealer
from gateway.store.logs import FileLogs
from gateway.store.session import open_store
from tests.workplace import PATIENCE_SECONDS, START
from translator.plan.model import WorkflowUuid


def test_a_log_that_cannot_be_sealed_is_sealed_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'test.db'}")
    logs = FileLogs(tmp_path / "logs", store)
    tries: list[WorkflowUuid] = []

    def seal(uuid: WorkflowUuid) -> None:
        tries.append(uuid)
        if len(tries) == 1:
            raise OSError("disk full")

    monkeypatch.setattr(logs, "seal", seal)
    clock = VirtualClock(START)
    done: list[WorkflowUuid] = []
    sealer = Sealer(logs, clock, done.append)
    sealer.seal(WorkflowUuid("a"))
    assert sealer.wait_idle(PATIENCE_SECONDS)
    assert (tries, done) == (["a"], [])
    clock.advance(timedelta(seconds=5))
    assert sealer.wait_idle(PATIENCE_SECONDS)
    assert (tries, done) == (["a", "a"], ["a"])
    sealer.close()
    logs.close()
    store.close()
