"""Datasets: what is known of them, and who may change it. Files and manifests stay in their stores.

Everybody may read, and give a dataset versions, tags and labels: whether his files get there is the store's matter.
What others rely on, where versions are and that they are, is for the owner and administrators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from gateway.ports.clock import Clock
from gateway.ports.datasets import DatasetFilter, DatasetRecord, NewVersion, VersionFilter, VersionRecord
from gateway.ports.store import Reads, Store
from gateway.schemas.datasets import (
    DatasetChange,
    DatasetCreate,
    DatasetEntry,
    DatasetList,
    DatasetPlace,
    DatasetVersionChange,
    DatasetVersionCreate,
    DatasetVersionEntry,
    DatasetVersionList,
)
from gateway.services.dataset_entries import dataset_entry, version_entry
from gateway.services.errors import Conflict, Forbidden, NotThere, Refusal
from gateway.services.identity import Caller
from storage.faults import StoreError
from storage.urls import parse_location
from translator.plan.urls import LocationError
from translator.plan.urls import location as understood
from translator.problems import ErrorCode
from translator.spec.dataset_names import (
    LATEST,
    MAX_VERSION,
    BadDatasetName,
    DatasetReference,
    check_dataset_name,
    check_tag,
    version_reference,
)

MOST_ENTRIES = 1000
_Value = TypeVar("_Value")


class UnknownDataset(NotThere):
    """No such dataset, version or tag."""

    def __init__(self, message: str) -> None:
        super().__init__(message, error_code=ErrorCode.DATABASE)


class Datasets:
    """Shows and changes datasets. Shape: `default_location` is where new ones go, unless somebody says otherwise."""

    def __init__(self, *, store: Store, clock: Clock, default_location: Callable[[], str]) -> None:
        self._store = store
        self._clock = clock
        self._default_location = default_location

    def place(self, name: str) -> DatasetPlace:
        """Where new versions of a dataset go, also of one that is not there yet."""
        _named(name)
        with self._store.reading() as reads:
            found = reads.dataset(name)
        return DatasetPlace(location=self._default_location() if found is None else found.location)

    def list(self, chosen: DatasetFilter, after: str, limit: int) -> DatasetList:
        """A page of datasets, by name."""
        with self._store.reading() as reads:
            found = reads.datasets(chosen, after, limit + 1)
        more = found[limit - 1].name if len(found) > limit else None
        return DatasetList(datasets=[dataset_entry(record) for record in found[:limit]], next=more)

    def query(self, chosen: VersionFilter, after: str, limit: int) -> DatasetVersionList:
        """A page of versions, by name and number. Errors: Refusal for an `after` that was not given."""
        name, colon, number = after.rpartition(":")
        if after and (not colon or not number.isdecimal() or len(number) > 10):
            raise Refusal(f"Expected `after` as a reply's `next` has it, got {after[:100]!r}.")
        with self._store.reading() as reads:
            found = reads.dataset_versions(chosen, (name, min(int(number or 0), MAX_VERSION)), limit + 1)
        more = f"{found[limit - 1].dataset}:{found[limit - 1].version}" if len(found) > limit else None
        return DatasetVersionList(versions=[version_entry(record, None) for record in found[:limit]], next=more)

    def show(self, name: str) -> DatasetEntry:
        """One dataset. Errors: UnknownDataset."""
        with self._store.reading() as reads:
            return dataset_entry(_dataset(reads, name))

    def version(self, name: str, which: str, *, deleted: bool = False) -> DatasetVersionEntry:
        """One version, by number or tag; with `deleted` also one that is. Errors: UnknownDataset; Refusal."""
        with self._store.reading() as reads:
            return _shown(reads, _version(reads, name, which, deleted=deleted))

    def create(self, caller: Caller, name: str, body: DatasetCreate) -> DatasetEntry:
        """Make a dataset without versions. Errors: Refusal; Conflict where there is one of that name."""
        _named(name)
        location = _location(body.location) or self._default_location()
        with self._store.writing(durable=True) as writes:
            now = self._clock.now()
            if not writes.new_dataset(name, location=location, owner=caller.user, now=now, labels=body.labels):
                raise Conflict(f"There is a dataset {name} already; upload a version to it, or choose another name.")
            return dataset_entry(_dataset(writes, name))

    def register(self, caller: Caller, name: str, body: DatasetVersionCreate) -> DatasetVersionEntry:
        """Give a dataset, made where it is not there, a version. Errors: Refusal."""
        _named(name)
        for tag in body.tags:
            _tag(tag)
        given, now = _location(body.location), self._clock.now()
        with self._store.writing(durable=True) as writes:
            writes.new_dataset(name, location=given or self._default_location(), owner=caller.user, now=now)
            new = NewVersion(
                manifest=body.manifest,
                location=given or _dataset(writes, name).location,
                files=body.files,
                size=body.bytes,
                created_by=caller.user,
                created_at=now,
                metadata=body.metadata,
                labels=body.labels,
            )
            made = writes.new_version(name, new)
            for tag in body.tags:
                writes.set_dataset_tag(name, tag, made.version)
            return _shown(writes, _version(writes, name, str(made.version)))

    def change(self, caller: Caller, name: str, body: DatasetChange) -> DatasetEntry:
        """Change labels, or where new versions go. Errors: UnknownDataset; Forbidden; Refusal."""
        location = _location(body.location)
        with self._store.writing() as writes:
            found = _dataset(writes, name)
            if location is not None and location != found.location:
                _may(caller, found, "say where it is kept")
            writes.change_dataset(name, location=location, labels=_changed(found.labels, body.labels))
            return dataset_entry(_dataset(writes, name))

    def change_version(self, caller: Caller, name: str, which: str, body: DatasetVersionChange) -> DatasetVersionEntry:
        """Change labels and metadata, or where a version is. Errors: as `change`."""
        location = _location(body.location)
        with self._store.writing() as writes:
            found = _version(writes, name, which)
            if location is not None and location != found.location:
                _may(caller, _dataset(writes, name), "say where it is kept")
            writes.change_version(
                name,
                found.version,
                location=location,
                labels=_changed(found.labels, body.labels),
                metadata=_changed(found.metadata, body.metadata),
            )
            return _shown(writes, _version(writes, name, str(found.version)))

    def tag(self, name: str, tag: str, version: int) -> DatasetEntry:
        """Put a tag on a version. Errors: UnknownDataset; Refusal."""
        _tag(tag)
        with self._store.writing() as writes:
            found = _version(writes, name, str(version))
            writes.set_dataset_tag(name, tag, found.version)
            return dataset_entry(_dataset(writes, name))

    def untag(self, name: str, tag: str) -> DatasetEntry:
        """Take a tag away. Errors: UnknownDataset; Refusal."""
        _tag(tag)
        with self._store.writing() as writes:
            found = _dataset(writes, name)
            if not writes.drop_dataset_tag(name, tag):
                raise UnknownDataset(f"Dataset {name} has no tag {tag}; it has {_listed(found.tags)}.")
            return dataset_entry(_dataset(writes, name))

    def delete_version(self, caller: Caller, name: str, which: str) -> DatasetVersionEntry:
        """Mark a version deleted. Errors: UnknownDataset; Forbidden."""
        with self._store.writing() as writes:
            found = _version(writes, name, which)
            _may(caller, _dataset(writes, name), "delete its versions")
            writes.delete_version(name, found.version)
            return version_entry(_version(writes, name, str(found.version), deleted=True), None)

    def delete(self, caller: Caller, name: str) -> DatasetEntry:
        """Mark a dataset with all its versions deleted; what it was comes back. Errors: UnknownDataset; Forbidden."""
        with self._store.writing() as writes:
            found = _dataset(writes, name)
            _may(caller, found, "delete it")
            writes.delete_dataset(name)
            return dataset_entry(found)


def _dataset(reads: Reads, name: str) -> DatasetRecord:
    _named(name)
    found = reads.dataset(name)
    if found is None:
        raise UnknownDataset(f"Dataset {name} not found.")
    return found


def _version(reads: Reads, name: str, which: str, *, deleted: bool = False) -> VersionRecord:
    wanted = _reference(name, which)
    found = reads.dataset_version(wanted, deleted=deleted)
    if found is None:
        # Says first whether there is a dataset at all.
        known = _dataset(reads, name)
        has = f"its newest version is {known.latest.version}" if known.latest is not None else "it has no version"
        raise UnknownDataset(f"Dataset {wanted} not found: {has}, its tags are {_listed(known.tags)}.")
    return found


def _shown(reads: Reads, record: VersionRecord) -> DatasetVersionEntry:
    return version_entry(record, reads.dataset_version(DatasetReference(name=record.dataset)))


def _named(name: str) -> None:
    try:
        check_dataset_name(name)
    except BadDatasetName as error:
        raise Refusal(str(error)) from error


def _tag(tag: str) -> None:
    try:
        check_tag(tag)
    except BadDatasetName as error:
        raise Refusal(str(error)) from error


def _reference(name: str, which: str) -> DatasetReference:
    try:
        return version_reference(name, which)
    except BadDatasetName as error:
        raise Refusal(str(error)) from error


def _location(given: str | None) -> str | None:
    """A location without a slash at its end. Errors: Refusal."""
    if given is None:
        return None
    url = given.rstrip("/")
    try:
        understood(url, local=True)
        parse_location(url)
    except (LocationError, StoreError) as error:
        raise Refusal(str(error)) from error
    return url


def _may(caller: Caller, dataset: DatasetRecord, what: str) -> None:
    if caller.user != dataset.owner and not caller.is_admin:
        raise Forbidden(f"Only {dataset.owner}, who owns dataset {dataset.name}, and administrators may {what}.")


def _changed(old: Mapping[str, _Value], changes: Mapping[str, _Value | None]) -> dict[str, _Value] | None:
    """The old map with the changes; None where there are none."""
    if not changes:
        return None
    merged = {key: value for key, value in old.items() if key not in changes}
    return merged | {key: value for key, value in changes.items() if value is not None}


def _listed(tags: Mapping[str, int]) -> str:
    return ", ".join(sorted({*tags, LATEST}))
