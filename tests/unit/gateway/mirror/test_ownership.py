"""Who lives is told by locks, which go with the process."""

from __future__ import annotations

import multiprocessing
import os
import signal
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path

from gateway.mirror.ownership import LockedInstance, Ownership
from gateway.ports.runs import Instance
from tests.workplace import START


def test_a_living_instance_is_not_gone_and_a_closed_one_is(tmp_path: Path) -> None:
    one, other = LockedInstance(tmp_path), LockedInstance(tmp_path)
    port: Ownership = one
    assert one.instance != other.instance
    assert not port.is_gone(other.instance, [], START)
    assert not port.is_gone(one.instance, [], START)
    other.close()
    other.close()
    assert port.is_gone(other.instance, [], START)
    assert port.is_gone("never-was", [], START)
    one.close()
    assert list(tmp_path.iterdir()) == []


def test_a_killed_process_is_gone(tmp_path: Path) -> None:
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context("forkserver")
    child = context.Process(target=_hold, args=(str(tmp_path), there))
    child.start()
    name: str = here.recv()
    one = LockedInstance(tmp_path)
    assert not one.is_gone(name, [], START)
    one.bury(name)
    assert (tmp_path / f"{name}.lock").exists()
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    assert one.is_gone(name, [], START)
    one.bury(name)
    assert not (tmp_path / f"{name}.lock").exists()
    one.close()


def _hold(directory: str, pipe: Connection) -> None:
    held = LockedInstance(Path(directory))
    pipe.send(held.instance)
    signal.pause()


def test_elsewhere_only_silence_tells(tmp_path: Path) -> None:
    """A lock on another machine, or in another data directory, cannot be tried."""
    one = LockedInstance(tmp_path)
    elsewhere = Instance(name="x", place="other-host:/data", pid=1, started_at=START, heartbeat_at=START)
    assert not one.is_gone("x", [elsewhere], START + timedelta(minutes=4))
    assert one.is_gone("x", [elsewhere], START + timedelta(minutes=6))
    one.close()
