"""From what the sidecar is told to what it moves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from runtime.dataset_moves import DatasetPlace, DatasetSource
from runtime.passport import Bearer
from runtime.task_data import DataPlaces, InputPlace, OutputPlace
from storage.credentials import one_key, user_keys
from storage.local import LocalStore
from storage.remote import remote_stores
from storage.stores import Stores
from storage.urls import FILE_SCHEME
from translator.argo.payload import SidecarPayload

USER_KEYS = "user.json"
SERVICE_KEY = "service.json"


class BadDocument(Exception):
    """What the pod was given cannot be read; the message says which and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStores:
    """The stores of a task. Shape: `user` opens with the owner's keys, `service` with that of intermediate data."""

    user: Stores
    service: Stores


def task_stores(directory: Path) -> TaskStores:
    """The stores that the keys in a directory open. Errors: BadDocument."""
    try:
        user, service = user_keys(_document(directory / USER_KEYS)), one_key(_document(directory / SERVICE_KEY))
    except (OSError, msgspec.MsgspecError) as error:
        raise BadDocument(f"The storage credentials in {directory} cannot be read: {error}") from error
    # Directories are for the service alone: what a user may name as one is not the pod's.
    return TaskStores(
        user=Stores(remote_stores(user)), service=Stores({FILE_SCHEME: LocalStore(), **remote_stores(service)})
    )


def data_places(payload: SidecarPayload, stores: TaskStores, retry_id: int = 0) -> DataPlaces:
    """What is moved for an attempt of a task."""
    kept = OutputPlace(url=payload.intermediate_url, stores=stores.service) if payload.intermediate_url else None
    return DataPlaces(
        inputs=tuple(
            InputPlace(
                index=entry.index,
                url=entry.url,
                origin=entry.origin or entry.url,
                regex=entry.regex,
                stores=stores.service if entry.service else stores.user,
                dataset=DatasetSource(manifest=entry.manifest, path=entry.path) if entry.manifest else None,
                asks=not entry.service,
            )
            for entry in payload.inputs
        ),
        outputs=tuple(
            OutputPlace(
                url=entry.url,
                regex=entry.regex,
                stores=stores.service if entry.service else stores.user,
                asks=not entry.service,
            )
            for entry in payload.outputs
        ),
        datasets=tuple(
            DatasetPlace(
                index=entry.index,
                name=entry.name,
                path=entry.path,
                url=entry.url,
                stores=stores.user,
                regex=entry.regex,
                asks=True,
            )
            for entry in payload.datasets
        ),
        kpis=payload.kpis,
        kept=kept,
        also_written=tuple(OutputPlace(url=entry.url, stores=stores.user) for entry in payload.checkpoints),
        bearer=lambda: _bearer(payload, retry_id),
    )


def _bearer(payload: SidecarPayload, retry_id: int) -> Bearer:
    identity = payload.identity
    return Bearer(
        workflow_id=identity.workflow_id,
        workflow_uuid=identity.workflow_uuid,
        group=identity.group,
        task=identity.task,
        task_uuid=identity.task_uuid,
        retry_id=retry_id,
        image=payload.image,
    )


def _document(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b"{}"
