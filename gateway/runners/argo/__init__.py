"""Clusters with Argo Workflows as backends.

`argo_runner` is the way in. It loads the rest of the package (HTTP client, manifests, decoders) when it is first
called, so that a gateway without clusters does not pay for it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

from gateway.ports.runner import Runner
from pools.backend import Backend
from pools.workflow import WorkflowConfig


def argo_runner(
    backend: Backend,
    workflow: WorkflowConfig,
    state_dir: Path | None = None,
    may_act: Callable[[], bool] = lambda: True,
) -> Runner:
    """The runner of a backend that is a cluster.

    Shape: `state_dir` keeps how far logs were read and the key of the runs' tokens; without it both begin anew with
    each process; `may_act` is false while another process acts on the cluster. Errors: AccessError where the cluster's
    address or credentials cannot be read.
    """
    build = importlib.import_module("gateway.runners.argo.build")
    runner_of: Callable[[Backend, WorkflowConfig, Path | None, Callable[[], bool]], Runner] = build.runner_of
    return runner_of(backend, workflow, state_dir, may_act)
