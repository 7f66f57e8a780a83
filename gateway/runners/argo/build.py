"""Puts a runner together from what the configuration says of its backend."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

from engine.ports import Secret
from gateway.ports.runner import Runner
from gateway.runners.argo.access import server_of
from gateway.runners.argo.faults import AccessError
from gateway.runners.argo.runner import ArgoRunner
from gateway.runners.argo.settings import ArgoBackend
from pools.backend import Backend
from pools.workflow import RegistryCredential, StorageCredential, WorkflowConfig
from translator.argo.target import argo_target


def runner_of(
    backend: Backend, workflow: WorkflowConfig, state_dir: Path | None, may_act: Callable[[], bool] = lambda: True
) -> Runner:
    """The runner of a backend with a `cluster`. Errors: AccessError.

    Shape: `may_act` is asked before each deed on the cluster, and is false while another process does them.
    """
    if backend.cluster is None:
        raise AccessError(f"Backend {backend.name!r} names no cluster. Give it `cluster`, or `engine: local`.")
    return ArgoRunner(argo_backend(backend, workflow, state_dir), server_of(backend.cluster), may_act=may_act)


def argo_backend(backend: Backend, workflow: WorkflowConfig, state_dir: Path | None = None) -> ArgoBackend:
    """The settings of a runner. Shape: `state_dir` is the gateway's; each backend has its own directory in it."""
    storage = workflow.workflow_data.credential
    registry = workflow.backend_images.credential
    return ArgoBackend(
        name=backend.name,
        target=argo_target(backend, workflow),
        service_storage=_storage(storage) if storage is not None else None,
        registry=_registry(registry) if registry is not None else None,
        state_dir=state_dir / backend.name if state_dir is not None else None,
    )


def _storage(credential: StorageCredential) -> Secret:
    values = credential.model_dump(mode="json", exclude_none=True)
    if credential.access_key is not None:
        values["access_key"] = credential.access_key.get_secret_value()
    return Secret(json.dumps(values, sort_keys=True))


def _registry(credential: RegistryCredential) -> Secret | None:
    if credential.auth is None:
        return None
    password = credential.auth.get_secret_value()
    auth = base64.b64encode(f"{credential.username}:{password}".encode()).decode()
    entry = {"username": credential.username, "password": password, "auth": auth}
    # What Docker itself writes for its own hub.
    host = credential.registry or "https://index.docker.io/v1/"
    return Secret(json.dumps({"auths": {host: entry}}, sort_keys=True))
