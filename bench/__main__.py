"""Runs every benchmark of this folder, each in a process of its own, and prints what they print.

`python -m bench [name …]`: all of them, or those named (`parse`, `engine` …).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main(names: list[str]) -> int:
    """Run the benchmarks and return 1 if one of them failed to run."""
    failed = 0
    for path in sorted(HERE.glob("bench_*.py")):
        name = path.stem.removeprefix("bench_")
        if names and name not in names:
            continue
        print(f"== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"bench.{path.stem}"], check=False, cwd=HERE.parent).returncode:
            failed = 1
    return failed


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
