"""How long the command takes to answer, and the server to be ready; how much memory it then holds.

Aims: `argosmo --help` at most 120 ms, server ready in at most 2.5 s with at most 120 MB.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil

COMMAND = str(Path(sys.executable).with_name("argosmo"))


def main() -> None:
    """Print the three figures beside `python -c pass`."""
    bare = _median_ms([sys.executable, "-c", "pass"])
    help_ms = _median_ms([COMMAND, "--help"])
    print(
        f"argosmo --help: {help_ms:.0f} ms, python -c pass: {bare:.0f} ms, ratio {help_ms / bare:.1f} (aim <= 120 ms)"
    )
    ready_seconds, rss_mb = _server()
    print(f"server ready: {ready_seconds:.2f} s (aim <= 2.5), {rss_mb:.0f} MB resident (aim <= 120)")


def _median_ms(argv: list[str], runs: int = 9) -> float:
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1000


def _server() -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as data:
        begin = time.perf_counter()
        process = subprocess.Popen(
            [COMMAND, "serve", "--port", "0", "--data-dir", data],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ},
        )
        try:
            url = _url(process)
            with urllib.request.urlopen(f"{url}/health") as reply:
                assert reply.status == 200
            ready = time.perf_counter() - begin
            own = psutil.Process(process.pid)
            rss = own.memory_info().rss + sum(child.memory_info().rss for child in own.children(recursive=True))
            return ready, rss / 2**20
        finally:
            process.terminate()
            process.wait(30)


def _url(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"http://[0-9.:]+", line):
            return found[0]
    raise RuntimeError("the server ended without saying where it listens")


if __name__ == "__main__":
    main()
