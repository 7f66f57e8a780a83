"""Processes that were left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.strays import end_recorded, end_strays, marker, start_ticks

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")


def sleeper(mark: str) -> subprocess.Popen[bytes]:
    """A process with a marker, once its environment can be read."""
    name, _, value = mark.partition("=")
    code = "print(flush=True); import time; time.sleep(1000)"
    process = subprocess.Popen([sys.executable, "-I", "-c", code], env={name: value}, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_only_processes_of_the_same_root_are_ended() -> None:
    ours, theirs = sleeper(marker("root-a", "w/t/0")), sleeper(marker("root-ab", "w/t/0"))
    try:
        assert end_strays("root-a") >= 1
        assert ours.wait(10) == -9
        assert theirs.poll() is None
    finally:
        theirs.kill()
        theirs.wait()


def test_a_reused_pid_is_not_hit() -> None:
    """pid + start time checked."""
    process = sleeper(marker("root-c", "x"))
    try:
        ticks = start_ticks(process.pid)
        assert not end_recorded(process.pid, ticks + 1)
        assert not end_recorded(process.pid, 0)
        assert not end_recorded(0, ticks)
        assert process.poll() is None
        assert end_recorded(process.pid, ticks)
        assert process.wait(10) == -9
        assert not end_recorded(process.pid, ticks)
    finally:
        process.kill()


def test_the_start_of_a_process() -> None:
    assert start_ticks(os.getpid()) > 0
    assert start_ticks(2**22 + 1) == 0
