"""Records of datasets as they are shown."""

from __future__ import annotations

from gateway.ports.datasets import DatasetRecord, MadeBy, VersionRecord
from gateway.schemas.datasets import DatasetEntry, DatasetMadeBy, DatasetVersionEntry
from translator.spec.dataset_names import LATEST


def dataset_entry(record: DatasetRecord) -> DatasetEntry:
    """One dataset."""
    latest = record.latest
    tags = dict(record.tags)
    if latest is not None:
        tags[LATEST] = latest.version
    return DatasetEntry(
        name=record.name,
        location=record.location,
        owner=record.owner,
        created_at=record.created_at,
        labels=dict(record.labels),
        tags=tags,
        latest=None if latest is None else version_entry(latest, latest),
    )


def version_entry(record: VersionRecord, latest: VersionRecord | None) -> DatasetVersionEntry:
    """One version; `latest`, where it is known, is the dataset's newest."""
    tags = list(record.tags)
    if latest is not None and latest.version == record.version:
        tags.append(LATEST)
    return DatasetVersionEntry.model_validate(
        {
            "dataset": record.dataset,
            "version": record.version,
            "tags": tags,
            "state": record.state.value,
            "location": record.location,
            "manifest": record.manifest,
            "files": record.files,
            "bytes": record.size,
            "created_by": record.created_by,
            "created_at": record.created_at,
            "labels": dict(record.labels),
            "metadata": dict(record.metadata),
            "made_by": None if record.made_by is None else _made_by(record.made_by),
        }
    )


def _made_by(made_by: MadeBy) -> DatasetMadeBy:
    return DatasetMadeBy(
        workflow=made_by.workflow_id, task=made_by.task, retry_id=made_by.retry_id, output=made_by.output
    )
