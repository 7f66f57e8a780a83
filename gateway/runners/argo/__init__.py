"""Clusters with Argo Workflows as backends.

`argo_runner` is the way in. It loads the rest of the package (HTTP client, manifests, decoders) when it is first
called, so that a gateway without clusters does not pay for it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

from gateway.ports.runner import Runner
from gateway.ports.surroundings import Surroundings
from pools.backend import Backend
from pools.workflow import WorkflowConfig


def argo_runner(backend: Backend, workflow: WorkflowConfig, around: Surroundings) -> Runner:
    """The runner of a backend that is a cluster.

    Errors: AccessError where the cluster's address or credentials cannot be read.
    """
    build = importlib.import_module("gateway.runners.argo.build")
    runner_of: Callable[[Backend, WorkflowConfig, Surroundings], Runner] = build.runner_of
    return runner_of(backend, workflow, around)
