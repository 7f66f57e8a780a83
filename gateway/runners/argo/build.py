"""Puts a runner together from what the configuration says of its backend."""

from __future__ import annotations

import json

from engine.ports import RegistryLogin, Secret
from gateway.ports.runner import Runner
from gateway.ports.surroundings import Surroundings
from gateway.runners.argo.access import server_of
from gateway.runners.argo.faults import AccessError
from gateway.runners.argo.runner import ArgoRunner
from gateway.runners.argo.settings import ArgoBackend
from pools.backend import Backend
from pools.workflow import RegistryCredential, StorageCredential, WorkflowConfig
from translator.argo.target import argo_target


def runner_of(backend: Backend, workflow: WorkflowConfig, around: Surroundings) -> Runner:
    """The runner of a backend with a `cluster`. Errors: AccessError."""
    if backend.cluster is None:
        raise AccessError(f"Backend {backend.name!r} names no cluster. Give it `cluster`, or `engine: local`.")
    return ArgoRunner(argo_backend(backend, workflow), server_of(backend.cluster), around=around)


def argo_backend(backend: Backend, workflow: WorkflowConfig) -> ArgoBackend:
    """The settings of a runner."""
    storage = workflow.workflow_data.credential
    registry = workflow.backend_images.credential
    return ArgoBackend(
        name=backend.name,
        target=argo_target(backend, workflow),
        service_storage=_storage(storage) if storage is not None else None,
        registry=_registry(registry) if registry is not None else None,
    )


def _storage(credential: StorageCredential) -> Secret:
    values = credential.model_dump(mode="json", exclude_none=True)
    if credential.access_key is not None:
        values["access_key"] = credential.access_key.get_secret_value()
    return Secret(json.dumps(values, sort_keys=True))


def _registry(credential: RegistryCredential) -> RegistryLogin | None:
    if credential.auth is None:
        return None
    password = Secret(credential.auth.get_secret_value())
    return RegistryLogin(scope=credential.registry, username=credential.username, password=password)
