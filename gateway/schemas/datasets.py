"""Datasets on the wire. Ours: OSMO's current version has none (api.md §8.9)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from pydantic import AfterValidator, Field, JsonValue

from gateway.schemas.wire import Body, Reply, Text, Timestamp

_MAX_TEXT = 1024
_MAX_LABELS = 64
_MAX_METADATA_BYTES = 64 * 1024
_MAX_SIZE = 2**63 - 1


def _few(labels: dict[str, str]) -> dict[str, str]:
    if len(labels) > _MAX_LABELS:
        raise ValueError(f"expected at most {_MAX_LABELS} labels, got {len(labels)}")
    return labels


def _small(metadata: dict[str, JsonValue]) -> dict[str, JsonValue]:
    try:
        size = len(msgspec.json.encode(metadata))
    except (UnicodeEncodeError, RecursionError, OverflowError) as error:
        raise ValueError("the metadata cannot be written as JSON") from error
    if size > _MAX_METADATA_BYTES:
        raise ValueError(f"expected metadata of at most {_MAX_METADATA_BYTES} bytes as JSON, got {size}")
    return metadata


_Word = Annotated[Text, Field(min_length=1, max_length=_MAX_TEXT)]
_Value = Annotated[Text, Field(max_length=_MAX_TEXT)]
Labels = Annotated[dict[_Word, _Value], AfterValidator(_few)]
Metadata = Annotated[dict[Text, JsonValue], AfterValidator(_small)]
Location = Annotated[Text, Field(min_length=1, max_length=4096)]


class DatasetMadeBy(Reply):
    """The output of a task that a version is. Shape: `output` is its place in the task's list, from 0 on."""

    workflow: str
    task: str
    retry_id: int
    output: int


class DatasetVersionEntry(Reply):
    """One version. Shape: `manifest` is the SHA-256 of its list of files, which stands at `location`. Units: bytes."""

    dataset: str
    version: int
    tags: list[str]
    state: Literal["READY", "DELETED"]
    location: str
    manifest: str
    files: int
    bytes: int
    created_by: str
    created_at: Timestamp
    labels: dict[str, str]
    metadata: dict[str, JsonValue]
    made_by: DatasetMadeBy | None = None


class DatasetEntry(Reply):
    """One dataset. Shape: `location` is where new versions go; `tags` by name, with `latest` where there is one."""

    name: str
    location: str
    owner: str
    created_at: Timestamp
    labels: dict[str, str]
    tags: dict[str, int]
    latest: DatasetVersionEntry | None = None


class DatasetList(Reply):
    """A page of datasets, by name. Shape: `next` is what to ask for more with, null at the end."""

    datasets: list[DatasetEntry]
    next: str | None = None


class DatasetVersionList(Reply):
    """A page of versions, by name and number. Shape: as DatasetList."""

    versions: list[DatasetVersionEntry]
    next: str | None = None


class DatasetPlace(Reply):
    """Where files of a dataset go that need not exist yet."""

    location: str


class DatasetCreate(Body):
    """A dataset without versions."""

    location: Location | None = None
    labels: Labels = {}


class DatasetChange(Body):
    """What changes of a dataset; null leaves it. Shape: a label that is null goes."""

    location: Location | None = None
    labels: dict[_Word, _Value | None] = {}


class DatasetVersionCreate(Body):
    """A version whose files and manifest are stored already. Units: bytes."""

    manifest: Text = Field(pattern=r"^[0-9a-f]{64}$")
    location: Location | None = None
    files: int = Field(ge=0, le=_MAX_SIZE)
    bytes: int = Field(ge=0, le=_MAX_SIZE)
    labels: Labels = {}
    metadata: Metadata = {}
    tags: list[_Word] = Field(default=[], max_length=_MAX_LABELS)


class DatasetVersionChange(Body):
    """What changes of a version; null leaves it. Shape: a label, or a key of the metadata, that is null goes."""

    location: Location | None = None
    labels: dict[_Word, _Value | None] = {}
    metadata: Metadata = {}


class DatasetTag(Body):
    """The version that a tag is put on."""

    version: int = Field(ge=1, le=2**31 - 1)
