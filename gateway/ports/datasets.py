"""Datasets as the database holds them: names, versions and tags; the files themselves never pass here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from translator.plan.model import WorkflowUuid
from translator.spec.dataset_names import DatasetReference


class VersionState(StrEnum):
    """Whether a version may be used. A deleted one keeps its number, and may be shown."""

    READY = "READY"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeBy:
    """The output of a task that a version is. Shape: `output` is its place in the task's list, from 0 on."""

    workflow_uuid: WorkflowUuid
    workflow_id: str
    task: str
    retry_id: int
    output: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVersion:
    """What a new version is made of. Units: size in bytes."""

    manifest: str
    location: str
    files: int
    size: int
    created_by: str
    created_at: datetime
    metadata: Mapping[str, object] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    made_by: MadeBy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeVersion:
    """The version that an output of a task is to become, of a dataset that need not be there."""

    dataset: str
    made_by: MadeBy
    new: NewVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRecord:
    """One version. Shape: `tags` sorted, without the implied `latest`. Units: size in bytes."""

    dataset: str
    version: int
    manifest: str
    location: str
    files: int
    size: int
    created_by: str
    created_at: datetime
    metadata: Mapping[str, object]
    labels: Mapping[str, str]
    state: VersionState
    tags: tuple[str, ...] = ()
    made_by: MadeBy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRecord:
    """One dataset. Shape: `location` is where new versions go; `latest` None where there is no version to be used."""

    name: str
    location: str
    owner: str
    created_at: datetime
    labels: Mapping[str, str]
    latest: VersionRecord | None = None
    tags: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetFilter:
    """Which datasets. Shape: `name` may hold stars, "" takes all; every label has to match."""

    name: str = ""
    labels: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionFilter:
    """Which versions. Shape: `name` as for datasets; `metadata` by dotted path; the label may be the dataset's too."""

    name: str = ""
    labels: Sequence[tuple[str, str]] = ()
    metadata: Sequence[tuple[str, str]] = ()
    tag: str = ""
    created_by: str = ""
    workflow: str = ""
    manifest: str = ""
    states: Sequence[VersionState] = (VersionState.READY,)


class DatasetReads(Protocol):
    """Questions about datasets."""

    def dataset(self, name: str) -> DatasetRecord | None:
        """A dataset that was not deleted."""

    def datasets(self, chosen: DatasetFilter, after: str, limit: int) -> tuple[DatasetRecord, ...]:
        """The datasets that pass, by name, behind the name `after`."""

    def dataset_version(self, wanted: DatasetReference, *, deleted: bool = False) -> VersionRecord | None:
        """A version by number, tag, or the latest; with `deleted` also one of that number that is deleted."""

    def dataset_versions(self, chosen: VersionFilter, after: tuple[str, int], limit: int) -> tuple[VersionRecord, ...]:
        """The versions that pass, by name and number, behind the pair `after`."""


class DatasetWrites(DatasetReads, Protocol):
    """Changes of datasets."""

    def new_dataset(
        self, name: str, *, location: str, owner: str, now: datetime, labels: Mapping[str, str] | None = None
    ) -> bool:
        """Have a dataset; False where it is there already, and then nothing changes.

        One that was deleted is there again, and goes on with its numbers.
        """

    def new_version(self, name: str, new: NewVersion) -> VersionRecord:
        """Give a dataset, which is there, its next version. One that a task made is given once: it comes back."""

    def change_dataset(
        self, name: str, *, location: str | None = None, labels: Mapping[str, str] | None = None
    ) -> None:
        """Replace where new versions go, or the labels."""

    def change_version(
        self,
        name: str,
        version: int,
        *,
        location: str | None = None,
        labels: Mapping[str, str] | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Replace what is given of a version."""

    def set_dataset_tag(self, name: str, tag: str, version: int) -> None:
        """Put a tag on a version; it leaves the one that had it."""

    def drop_dataset_tag(self, name: str, tag: str) -> bool:
        """Take a tag away; whether it was there."""

    def delete_version(self, name: str, version: int) -> None:
        """Let a version be used no more; its tags go."""

    def delete_dataset(self, name: str) -> None:
        """Let a dataset with all its versions be used no more."""
