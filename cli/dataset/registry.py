"""What the server knows of datasets."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

import msgspec

from cli.client import Client, Query, Reply, segment
from cli.errors import CliError
from storage.faults import StoreError
from storage.urls import FILE_SCHEME, Location, parse_location
from translator.spec.dataset_names import DatasetReference

_ROOT = "/api/argosmo/v1"
_PAGE = 1000


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One version. Units: bytes."""

    dataset: str
    version: int
    tags: list[str]
    state: str
    location: str
    manifest: str
    files: int
    bytes: int
    created_by: str
    created_at: str
    labels: dict[str, str]
    metadata: dict[str, object]
    made_by: dict[str, object] | None = None

    @property
    def name(self) -> str:
        """As the user writes it."""
        return f"{self.dataset}:{self.version}"


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """One dataset."""

    name: str
    location: str
    owner: str
    created_at: str
    labels: dict[str, str]
    tags: dict[str, int]
    latest: Version | None = None


class _Place(msgspec.Struct, frozen=True):
    location: str


class _Page(msgspec.Struct, frozen=True, kw_only=True):
    datasets: list[msgspec.Raw] = []
    versions: list[msgspec.Raw] = []
    next: str | None = None


class Registry:
    """The datasets of one server. Errors: every method raises CliError for what the server refuses."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def location(self, url: str) -> Location:
        """A location as the server names it, if it means the same here. Errors: CliError."""
        try:
            found = parse_location(url.rstrip("/"))
        except StoreError as error:
            raise CliError(f"{error}.") from error
        host = urlsplit(self._client.url).hostname or ""
        if found.scheme == FILE_SCHEME and not _is_here(host):
            raise CliError(
                f"{url} is a directory of the server's machine. Name a place in an object store with --location, or "
                "set workflow.workflow_datasets.location on the server."
            )
        return found

    def create(self, name: str, location: str | None, labels: Mapping[str, str]) -> Reply:
        """Make a dataset."""
        return self._client.post(_dataset(name), body={"location": location, "labels": labels})

    def dataset(self, name: str) -> Reply:
        """One dataset."""
        return self._client.get(_dataset(name))

    def place(self, name: str) -> str:
        """Where new versions go, also of a dataset that is not there yet."""
        return self._client.get(f"{_dataset(name)}/place").read(_Place).location

    def version(self, wanted: DatasetReference, *, deleted: bool = False) -> Reply:
        """One version."""
        return self._client.get(_version(wanted), {"deleted": True} if deleted else None)

    def register(self, name: str, body: Mapping[str, object]) -> Reply:
        """Give a dataset a version that is stored already."""
        return self._client.post(f"{_dataset(name)}/version", body=body)

    def change(self, name: str, body: Mapping[str, object]) -> Reply:
        """Change a dataset."""
        return self._client.patch(_dataset(name), body)

    def change_version(self, wanted: DatasetReference, body: Mapping[str, object]) -> Reply:
        """Change a version."""
        return self._client.patch(_version(wanted), body)

    def tag(self, name: str, tag: str, version: int) -> Reply:
        """Put a tag on a version."""
        return self._client.put(f"{_dataset(name)}/tag/{segment(tag)}", {"version": version})

    def untag(self, name: str, tag: str) -> Reply:
        """Take a tag away."""
        return self._client.delete(f"{_dataset(name)}/tag/{segment(tag)}")

    def delete(self, name: str) -> Reply:
        """Mark a dataset deleted."""
        return self._client.delete(_dataset(name))

    def delete_version(self, wanted: DatasetReference) -> Reply:
        """Mark a version deleted."""
        return self._client.delete(_version(wanted))

    def datasets(self, query: Query, most: int | None) -> Iterator[msgspec.Raw]:
        """Datasets, as many as there are."""
        for page in self._pages(f"{_ROOT}/dataset", query, most):
            yield from page.datasets

    def versions(self, query: Query, most: int | None = None) -> Iterator[msgspec.Raw]:
        """Versions, as many as there are."""
        for page in self._pages(f"{_ROOT}/dataset-version", query, most):
            yield from page.versions

    def versions_of(self, name: str, *, deleted: bool = False) -> list[Version]:
        """All versions of one dataset, the oldest first."""
        return decoded(self.versions({"name": name, "deleted": deleted}))

    def _pages(self, path: str, query: Query, most: int | None) -> Iterator[_Page]:
        after: str | None = ""
        while after is not None and (most is None or most > 0):
            limit = _PAGE if most is None else min(most, _PAGE)
            page = self._client.get(path, {**query, "limit": limit, "after": after or None}).read(_Page)
            yield page
            after = page.next
            if most is not None:
                most -= limit


def decoded(rows: Iterator[msgspec.Raw] | Sequence[msgspec.Raw]) -> list[Version]:
    """Rows as values."""
    return [msgspec.json.decode(row, type=Version) for row in rows]


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _dataset(name: str) -> str:
    return f"{_ROOT}/dataset/{segment(name)}"


def _version(wanted: DatasetReference) -> str:
    which = wanted.tag if wanted.version is None else str(wanted.version)
    return f"{_dataset(wanted.name)}/version/{segment(which)}"
