"""Rows of datasets, their versions and tags, as they change. Beside `dataset_rows`, which reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, insert, select, update

from gateway.ports.datasets import MadeBy, MadeVersion, NewVersion, VersionRecord, VersionState
from gateway.store.dataset_rows import DatasetReads
from gateway.store.dataset_tables import dataset_tags, dataset_versions, datasets
from gateway.store.texts import clean, json_text
from translator.spec.dataset_names import DatasetReference


class DatasetWrites(DatasetReads):
    """Implements the datasets' part of `gateway.ports.store.Writes`."""

    def new_dataset(
        self, name: str, *, location: str, owner: str, now: datetime, labels: Mapping[str, str] | None = None
    ) -> bool:
        """Have a dataset; False where it is there already, and then nothing changes."""
        values = {
            "location": location,
            "owner": clean(owner),
            "created_at": now,
            "labels": json_text(dict(labels or {})),
            "deleted": False,
        }
        new = self._insert_new(datasets).values(name=clean(name), highest=0, **values)
        if self._connection.execute(new).rowcount > 0:
            return True
        again = update(datasets).where(datasets.c.name == clean(name), datasets.c.deleted.is_(True)).values(values)
        return self._connection.execute(again).rowcount > 0

    def new_version(self, name: str, new: NewVersion) -> VersionRecord:
        """Give a dataset, which is there, its next version. One that a task made is given once: it comes back."""
        # The row is locked from here to the commit, so numbers have no gap and outputs come once.
        counted = update(datasets).where(datasets.c.name == clean(name)).values(highest=datasets.c.highest + 1)
        number: int = self._connection.execute(counted.returning(datasets.c.highest)).scalar_one()
        made_by = new.made_by
        if made_by is not None and (known := self._made_before(made_by)) is not None:
            back = update(datasets).where(datasets.c.name == clean(name)).values(highest=datasets.c.highest - 1)
            self._connection.execute(back)
            return known
        row = {
            "name": clean(name),
            "version": number,
            "manifest": new.manifest,
            "location": new.location,
            "files": new.files,
            "size": new.size,
            "created_by": clean(new.created_by),
            "created_at": new.created_at,
            "metadata": json_text(dict(new.metadata)),
            "labels": json_text(dict(new.labels)),
            "state": VersionState.READY.value,
        }
        if made_by is not None:
            row |= {
                "workflow_uuid": made_by.workflow_uuid,
                "workflow_id": made_by.workflow_id,
                "task": made_by.task,
                "retry_id": made_by.retry_id,
                "output": made_by.output,
            }
        self._connection.execute(insert(dataset_versions).values(row))
        found = self.dataset_version(DatasetReference(name=name, version=number))
        assert found is not None
        return found

    def add_made(self, made: Sequence[MadeVersion]) -> None:
        """Have outputs of tasks as versions, with their datasets."""
        # Always in this order, or two who do it at the same time would wait for each other's rows for ever.
        for one in sorted(made, key=lambda version: version.dataset):
            new = one.new
            self.new_dataset(one.dataset, location=new.location, owner=new.created_by, now=new.created_at)
            self.new_version(one.dataset, new)

    def change_dataset(
        self, name: str, *, location: str | None = None, labels: Mapping[str, str] | None = None
    ) -> None:
        """Replace where new versions go, or the labels."""
        values: dict[str, object] = {}
        if location is not None:
            values["location"] = location
        if labels is not None:
            values["labels"] = json_text(dict(labels))
        if values:
            self._connection.execute(update(datasets).where(datasets.c.name == clean(name)).values(values))

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
        values: dict[str, object] = {}
        if location is not None:
            values["location"] = location
        if labels is not None:
            values["labels"] = json_text(dict(labels))
        if metadata is not None:
            values["metadata"] = json_text(dict(metadata))
        if values:
            self._connection.execute(update(dataset_versions).where(*_is(name, version)).values(values))

    def set_dataset_tag(self, name: str, tag: str, version: int) -> None:
        """Put a tag on a version; it leaves the one that had it."""
        self._upsert(dataset_tags, {"name": clean(name), "tag": clean(tag), "version": version}, ["version"])

    def drop_dataset_tag(self, name: str, tag: str) -> bool:
        """Take a tag away; whether it was there."""
        chosen = delete(dataset_tags).where(dataset_tags.c.name == clean(name), dataset_tags.c.tag == clean(tag))
        return self._connection.execute(chosen).rowcount > 0

    def delete_version(self, name: str, version: int) -> None:
        """Let a version be used no more; its tags go."""
        tagged = (dataset_tags.c.name == clean(name), dataset_tags.c.version == version)
        self._connection.execute(delete(dataset_tags).where(*tagged))
        gone = update(dataset_versions).where(*_is(name, version)).values(state=VersionState.DELETED.value)
        self._connection.execute(gone)

    def delete_dataset(self, name: str) -> None:
        """Let a dataset with all its versions be used no more."""
        self._connection.execute(delete(dataset_tags).where(dataset_tags.c.name == clean(name)))
        gone = update(dataset_versions).where(dataset_versions.c.name == clean(name))
        self._connection.execute(gone.values(state=VersionState.DELETED.value))
        self._connection.execute(update(datasets).where(datasets.c.name == clean(name)).values(deleted=True))

    def _made_before(self, made_by: MadeBy) -> VersionRecord | None:
        columns = dataset_versions.c
        chosen = select(dataset_versions).where(
            columns.workflow_uuid == made_by.workflow_uuid,
            columns.task == clean(made_by.task),
            columns.retry_id == made_by.retry_id,
            columns.output == made_by.output,
        )
        row = self._connection.execute(chosen).one_or_none()
        return None if row is None else self._versions_of([row])[0]


def _is(name: str, version: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return dataset_versions.c.name == clean(name), dataset_versions.c.version == version
