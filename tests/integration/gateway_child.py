"""A whole gateway as a child process: it listens, and a test may kill it, stop it, or have it stop itself."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

from engine import crashpoints
from gateway import main
from gateway.runners.argo import build
from gateway.settings import LogLevel, Settings
from pools.backend import Backend
from pools.workflow import WorkflowConfig
from translator.argo.target import ArgoTarget, Limits, argo_target


@dataclass(frozen=True, kw_only=True)
class Orders:
    """What a child is told.

    Shape: `point` is a crash point; with `stops` it stops itself there (SIGSTOP), and is not killed. `nodes` are the
    most that one Workflow may have, so that a small run needs several.
    """

    data: str
    config: str
    database: str
    output: str
    point: str = ""
    stops: bool = False
    lease_seconds: float = 10.0
    nodes: int = 0


def run(orders: Orders) -> None:
    """Serve until SIGTERM."""
    out = os.open(orders.output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    crashpoints.arm(orders.point)
    if orders.stops:
        vars(crashpoints)["os"] = SimpleNamespace(getpid=os.getpid, kill=_stop)
    if orders.nodes:
        vars(build)["argo_target"] = partial(_cut, nodes=orders.nodes)
    main.serve(
        Settings(
            port=0,
            data_dir=Path(orders.data),
            config=Path(orders.config),
            database=orders.database,
            lease_seconds=orders.lease_seconds,
            log_level=LogLevel.INFO,
        )
    )


def _stop(pid: int, _signal: signal.Signals) -> None:
    os.kill(pid, signal.SIGSTOP)
    # Any thread may take the signal, and the others go on for a moment: not this one.
    time.sleep(0.5)


def _cut(backend: Backend, workflow: WorkflowConfig, *, nodes: int) -> ArgoTarget:
    return replace(argo_target(backend, workflow), limits=Limits(nodes=nodes))
