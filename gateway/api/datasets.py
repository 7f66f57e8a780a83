"""Datasets: names, versions and tags. Their files go between clients and stores, never through here."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from gateway.api.declared import DATASETS, action
from gateway.api.deps import CallerOf, ServicesOf
from gateway.ports.datasets import DatasetFilter, VersionFilter, VersionState
from gateway.schemas.datasets import (
    DatasetChange,
    DatasetCreate,
    DatasetEntry,
    DatasetList,
    DatasetPlace,
    DatasetTag,
    DatasetVersionChange,
    DatasetVersionCreate,
    DatasetVersionEntry,
    DatasetVersionList,
)
from gateway.services.datasets import MOST_ENTRIES
from gateway.services.errors import Refusal

router = APIRouter(prefix="/api/argosmo/v1", tags=["Dataset API"], responses=DATASETS)

_READ, _WRITE, _DELETE = action("dataset:Read"), action("dataset:Update"), action("dataset:Delete")
Limit = Annotated[int, Query(ge=1, le=MOST_ENTRIES, description="The most entries of a page.")]
After = Annotated[str, Query(description="The `next` of the page before.")]
Pairs = Annotated[tuple[str, ...], Query(description="`KEY=VALUE`; all of them have to match.")]
Name = Annotated[str, Query(description="The name; stars stand for anything.")]


@router.get("/dataset", openapi_extra=_READ)
def list_datasets(
    services: ServicesOf, name: Name = "", label: Pairs = (), after: After = "", limit: Limit = 100
) -> DatasetList:
    """Datasets, by name."""
    return services.datasets.list(DatasetFilter(name=name, labels=_pairs(label)), after, limit)


@router.get("/dataset-version", openapi_extra=_READ)
def query_versions(
    services: ServicesOf,
    name: Name = "",
    label: Pairs = (),
    metadata: Pairs = (),
    tag: str = "",
    created_by: str = "",
    workflow: Annotated[str, Query(description="The id of the workflow that made the version.")] = "",
    manifest: Annotated[str, Query(description="The id of the version's list of files.")] = "",
    deleted: Annotated[bool, Query(description="Also versions that are deleted.")] = False,
    after: After = "",
    limit: Limit = 100,
) -> DatasetVersionList:
    """Versions of all datasets, by name and number."""
    chosen = VersionFilter(
        name=name,
        labels=_pairs(label),
        metadata=_pairs(metadata),
        tag=tag,
        created_by=created_by,
        workflow=workflow,
        manifest=manifest,
        states=tuple(VersionState) if deleted else (VersionState.READY,),
    )
    return services.datasets.query(chosen, after, limit)


@router.get("/dataset/{name}", openapi_extra=_READ)
def get_dataset(services: ServicesOf, name: str) -> DatasetEntry:
    """One dataset."""
    return services.datasets.show(name)


@router.get("/dataset/{name}/place", openapi_extra=_READ)
def get_place(services: ServicesOf, name: str) -> DatasetPlace:
    """Where new versions of a dataset go, also of one that is not there yet."""
    return services.datasets.place(name)


@router.post("/dataset/{name}", openapi_extra=_WRITE)
def create_dataset(services: ServicesOf, caller: CallerOf, name: str, body: DatasetCreate) -> DatasetEntry:
    """Make a dataset without versions."""
    return services.datasets.create(caller, name, body)


@router.patch("/dataset/{name}", openapi_extra=_WRITE)
def change_dataset(services: ServicesOf, caller: CallerOf, name: str, body: DatasetChange) -> DatasetEntry:
    """Change labels, or where new versions go."""
    return services.datasets.change(caller, name, body)


@router.delete("/dataset/{name}", openapi_extra=_DELETE)
def delete_dataset(services: ServicesOf, caller: CallerOf, name: str) -> DatasetEntry:
    """Mark a dataset with all its versions deleted; its files stay where they are."""
    return services.datasets.delete(caller, name)


@router.post("/dataset/{name}/version", openapi_extra=_WRITE)
def register_version(
    services: ServicesOf, caller: CallerOf, name: str, body: DatasetVersionCreate
) -> DatasetVersionEntry:
    """Give a dataset, made where it is not there, a version whose files and manifest are stored already."""
    return services.datasets.register(caller, name, body)


@router.get("/dataset/{name}/version/{which}", openapi_extra=_READ)
def get_version(services: ServicesOf, name: str, which: str, deleted: bool = False) -> DatasetVersionEntry:
    """One version, by number or tag."""
    return services.datasets.version(name, which, deleted=deleted)


@router.patch("/dataset/{name}/version/{which}", openapi_extra=_WRITE)
def change_version(
    services: ServicesOf, caller: CallerOf, name: str, which: str, body: DatasetVersionChange
) -> DatasetVersionEntry:
    """Change labels and metadata of a version, or where it is."""
    return services.datasets.change_version(caller, name, which, body)


@router.delete("/dataset/{name}/version/{which}", openapi_extra=_DELETE)
def delete_version(services: ServicesOf, caller: CallerOf, name: str, which: str) -> DatasetVersionEntry:
    """Mark a version deleted; its files stay where they are."""
    return services.datasets.delete_version(caller, name, which)


@router.put("/dataset/{name}/tag/{tag}", openapi_extra=_WRITE)
def set_tag(services: ServicesOf, name: str, tag: str, body: DatasetTag) -> DatasetEntry:
    """Put a tag on a version; it leaves the one that had it."""
    return services.datasets.tag(name, tag, body.version)


@router.delete("/dataset/{name}/tag/{tag}", openapi_extra=_WRITE)
def drop_tag(services: ServicesOf, name: str, tag: str) -> DatasetEntry:
    """Take a tag away."""
    return services.datasets.untag(name, tag)


def _pairs(texts: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    pairs = []
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise Refusal(f"Expected KEY=VALUE, got {text[:100]!r}.")
        pairs.append((key, value))
    return tuple(pairs)
