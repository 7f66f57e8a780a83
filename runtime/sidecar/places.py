"""From what the sidecar is told to what it moves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

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


def data_places(payload: SidecarPayload, stores: TaskStores) -> DataPlaces:
    """What is moved for a task."""
    kept = OutputPlace(url=payload.intermediate_url, stores=stores.service) if payload.intermediate_url else None
    return DataPlaces(
        inputs=tuple(
            InputPlace(
                index=entry.index,
                url=entry.url,
                origin=entry.origin or entry.url,
                regex=entry.regex,
                stores=stores.service if entry.service else stores.user,
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
        kpis=payload.kpis,
        kept=kept,
        also_written=tuple(OutputPlace(url=entry.url, stores=stores.user) for entry in payload.checkpoints),
    )


def _document(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b"{}"
