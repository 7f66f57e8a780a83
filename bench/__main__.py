"""Runs every benchmark of this folder, each in a process of its own, and prints what they print.

`python -m bench [name …]`: all of them, or those named (`parse`, `engine` …). Words behind the names that are none are
for those benchmarks, such as parts of them (`storage far`).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main(words: list[str]) -> int:
    """Run the benchmarks and return 1 if one of them failed to run."""
    paths = {path.stem.removeprefix("bench_"): path for path in sorted(HERE.glob("bench_*.py"))}
    names = [word for word in words if word in paths]
    parts = [word for word in words if word not in paths]
    if parts and not names:
        print(f"unknown: {', '.join(parts)}; expected some of {', '.join(paths)}", file=sys.stderr)
        return 1
    failed = 0
    for name in names or paths:
        print(f"== {name}", flush=True)
        command = [sys.executable, "-m", f"bench.{paths[name].stem}", *parts]
        if subprocess.run(command, check=False, cwd=HERE.parent).returncode:
            failed = 1
    return failed


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
