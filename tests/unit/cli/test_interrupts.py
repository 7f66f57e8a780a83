"""Signals as something to look at."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from cli.interrupts import Interrupts


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signals_are_counted(number: signal.Signals, exit_code: int) -> None:
    """The first of them gives the exit code; afterwards everything is as before."""
    before = signal.getsignal(number)
    with Interrupts() as interrupts:
        assert interrupts.count == 0
        signal.raise_signal(number)
        signal.raise_signal(signal.SIGINT)
        assert interrupts.count == 2
        assert interrupts.exit_code == exit_code
    assert signal.getsignal(number) == before


def test_the_third_ends_the_process() -> None:
    """Who presses a third time does not want to wait for anything."""
    program = (
        "import signal\nfrom cli.interrupts import Interrupts\n"
        "with Interrupts():\n    for _ in range(3): signal.raise_signal(signal.SIGINT)\n    print('still here')"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGINT
    assert ended.stdout == ""
