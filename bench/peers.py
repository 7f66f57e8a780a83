"""Other orchestrators, each installed once into a virtual environment of its own and timed in a child process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "argosmo-bench"

# Each prints the seconds that `count` sequential no-op tasks took, state in its own SQLite.
_SCRIPTS = {
    "prefect": """
import sys, time
from prefect import flow, task
count = int(sys.argv[1])
@task
def step(n): return n + 1
@flow
def chain():
    n = 0
    for _ in range(count): n = step(n)
    return n
chain()
begin = time.perf_counter(); chain(); print("SECONDS", time.perf_counter() - begin)
""",
    "dagster": """
import sys, time
from dagster import DagsterInstance, graph, op
count = int(sys.argv[1])
@op
def first(): return 0
@op
def step(n): return n + 1
@graph
def chain():
    n = first()
    for _ in range(count - 1): n = step(n)
job = chain.to_job()
import os
with DagsterInstance.local_temp() as instance:
    job.execute_in_process(instance=instance)
    begin = time.perf_counter(); job.execute_in_process(instance=instance)
    print("SECONDS", time.perf_counter() - begin)
""",
}


def sequential(count: int) -> dict[str, float | None]:
    """Seconds a task of each peer; None where it does not install or run here."""
    return {name: _measured(name, script, count) for name, script in _SCRIPTS.items()}


def _measured(name: str, script: str, count: int) -> float | None:
    python = CACHE / name / "bin" / "python"
    try:
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", CACHE / name], check=True, capture_output=True)
            subprocess.run([python, "-m", "pip", "install", "-q", name], check=True, capture_output=True, timeout=600)
        with tempfile.TemporaryDirectory() as home:
            done = subprocess.run(
                [python, "-c", script, str(count)],
                check=True,
                capture_output=True,
                text=True,
                timeout=300,
                cwd=home,
                env={
                    **os.environ,
                    "HOME": home,
                    "PREFECT_HOME": home,
                    "PREFECT_LOGGING_LEVEL": "ERROR",
                    "DO_NOT_TRACK": "1",
                },
            )
    except (subprocess.SubprocessError, OSError):
        return None
    for line in done.stdout.splitlines():
        if line.startswith("SECONDS"):
            return float(line.split()[1]) / count
    return None


if __name__ == "__main__":
    print(sequential(40))
