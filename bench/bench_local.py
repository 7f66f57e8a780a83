"""No-op tasks through the whole gateway (rows, logs and state in SQLite) on the local engine.

Aims: 40 tasks one after the other at most 10 ms each, all in all; 1,000 side by side at least 100 a second. Peers in
the same run: a bash loop with a log file, and Prefect and Dagster where they install (`bench/peers.py`).
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

from bench import peers
from gateway.main import Gateway, build
from gateway.schemas.submit import TemplateSpec
from gateway.services.identity import Caller
from gateway.services.links import Links
from gateway.services.submit import SubmitRequest
from gateway.settings import Settings

CHAIN = 40
WIDE = 1000
ROUNDS = 5
_POLL_SECONDS = 0.01


def main() -> None:
    """Print milliseconds a task, tasks a second, and the peers."""
    bash = _bash_loop(CHAIN)
    with tempfile.TemporaryDirectory() as folder:
        gateway = build(Settings(data_dir=Path(folder)))
        gateway.start()
        try:
            _run(gateway, _wide("warm", 8))
            chain = min(_run(gateway, _chain(f"chain{number}", CHAIN)) for number in range(ROUNDS)) / CHAIN
            wide = WIDE / _run(gateway, _wide("wide", WIDE))
        finally:
            gateway.stop()
    print(f"{CHAIN} sequential no-op tasks: {chain * 1000:.1f} ms each (aim <= 10)")
    print(f"  bash loop with a log file: {bash * 1000:.2f} ms each, ratio {chain / bash:.1f}")
    print(f"{WIDE} wide no-op tasks: {wide:.0f} a second (aim >= 100)")
    for name, seconds in peers.sequential(CHAIN).items():
        shown = (
            "does not install here" if seconds is None else f"{seconds * 1000:.1f} ms each, ratio {chain / seconds:.2f}"
        )
        print(f"  {name}: {shown}")


def _chain(name: str, count: int) -> str:
    tasks = ["  - {name: t0, image: i, command: ['true'], resource: tiny}"]
    tasks += [
        f"  - {{name: t{number}, image: i, command: ['true'], resource: tiny, inputs: [{{task: t{number - 1}}}]}}"
        for number in range(1, count)
    ]
    return _workflow(name, tasks)


def _wide(name: str, count: int) -> str:
    return _workflow(
        name, [f"  - {{name: t{number}, image: i, command: ['true'], resource: tiny}}" for number in range(count)]
    )


def _workflow(name: str, tasks: list[str]) -> str:
    return "\n".join(
        ["workflow:", f"  name: {name}", "  resources: {tiny: {cpu: 1, memory: 1Mi}}", "  tasks:", *tasks, ""]
    )


def _run(gateway: Gateway, text: str) -> float:
    """Seconds from the submission to the workflow's last row."""
    request = SubmitRequest(pool="default", body=TemplateSpec(file=text))
    begin = time.perf_counter()
    with gateway.mirror.subscribe() as changes:
        reply = gateway.services.submit.submit(Caller(user="bench"), request, Links())
        while True:
            with gateway.store.reading() as reads:
                record = reads.workflow(reply.name)
            if record is not None and record.end_time is not None:
                break
            changes.wait(1.0)
            # As a client that asks again and again would; what asks takes time from what runs.
            time.sleep(_POLL_SECONDS)
    seconds = time.perf_counter() - begin
    assert record.status == "COMPLETED", record
    return seconds


def _bash_loop(count: int) -> float:
    with tempfile.NamedTemporaryFile() as log:
        script = f"for i in $(seq {count}); do /bin/true; echo done $i >> {log.name}; done"
        begin = time.perf_counter()
        subprocess.run(["bash", "-c", script], check=True)
        return (time.perf_counter() - begin) / count


if __name__ == "__main__":
    main()
