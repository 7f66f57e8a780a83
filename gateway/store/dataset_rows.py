"""Rows of datasets, their versions and tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, select, tuple_

from gateway.ports.datasets import (
    DatasetFilter,
    DatasetRecord,
    MadeBy,
    VersionFilter,
    VersionRecord,
    VersionState,
)
from gateway.store.connection import Connected
from gateway.store.dataset_metadata import metadata_matches
from gateway.store.dataset_tables import dataset_tags, dataset_versions, datasets
from gateway.store.texts import clean, object_map, string_map
from translator.plan.model import WorkflowUuid
from translator.spec.dataset_names import LATEST, DatasetReference

_BATCH = 200


class DatasetReads(Connected):
    """Implements the datasets' part of `gateway.ports.store.Reads`."""

    def dataset(self, name: str) -> DatasetRecord | None:
        """A dataset that was not deleted."""
        chosen = select(datasets).where(datasets.c.name == clean(name), datasets.c.deleted.is_(False))
        row = self._connection.execute(chosen).one_or_none()
        return None if row is None else self._datasets_of([row])[0]

    def datasets(self, chosen: DatasetFilter, after: str, limit: int) -> tuple[DatasetRecord, ...]:
        """The datasets that pass, by name, behind the name `after`."""
        found: list[Row[Any]] = []
        statement = select(datasets).where(datasets.c.deleted.is_(False)).order_by(datasets.c.name)
        if chosen.name:
            statement = statement.where(self._matches(datasets.c.name, clean(chosen.name)))
        last = clean(after)
        while len(found) < limit:
            rows = self._connection.execute(statement.where(datasets.c.name > last).limit(_BATCH)).all()
            found += [row for row in rows if _has_all(string_map(row.labels), chosen.labels)]
            if len(rows) < _BATCH:
                break
            last = rows[-1].name
        return self._datasets_of(found[:limit])

    def dataset_version(self, wanted: DatasetReference, *, deleted: bool = False) -> VersionRecord | None:
        """A version by number, tag, or the latest; with `deleted` also one of that number that is deleted."""
        ready = dataset_versions.c.state == VersionState.READY.value
        chosen = select(dataset_versions).where(dataset_versions.c.name == clean(wanted.name))
        if wanted.version is not None:
            chosen = chosen.where(dataset_versions.c.version == wanted.version)
            if not deleted:
                chosen = chosen.where(ready)
        elif wanted.tag == LATEST:
            chosen = chosen.where(ready).order_by(dataset_versions.c.version.desc()).limit(1)
        else:
            tagged = select(dataset_tags.c.version).where(
                dataset_tags.c.name == clean(wanted.name), dataset_tags.c.tag == clean(wanted.tag)
            )
            chosen = chosen.where(ready, dataset_versions.c.version == tagged.scalar_subquery())
        row = self._connection.execute(chosen).one_or_none()
        return None if row is None else self._versions_of([row])[0]

    def dataset_versions(self, chosen: VersionFilter, after: tuple[str, int], limit: int) -> tuple[VersionRecord, ...]:
        """The versions that pass, by name and number, behind the pair `after`."""
        found: list[Row[Any]] = []
        statement, last = self._versions_where(chosen), (clean(after[0]), after[1])
        keys = tuple_(dataset_versions.c.name, dataset_versions.c.version)
        while len(found) < limit:
            rows = self._connection.execute(statement.where(keys > last).limit(_BATCH)).all()
            found += [row for row in rows if _passes(row, chosen)]
            if len(rows) < _BATCH:
                break
            last = (rows[-1].name, rows[-1].version)
        return self._versions_of(found[:limit])

    def _versions_where(self, chosen: VersionFilter) -> Select[Any]:
        columns = dataset_versions.c
        conditions: list[ColumnElement[bool]] = [columns.state.in_([state.value for state in chosen.states])]
        if chosen.name:
            conditions.append(self._matches(columns.name, clean(chosen.name)))
        if chosen.created_by:
            conditions.append(columns.created_by == clean(chosen.created_by))
        if chosen.workflow:
            conditions.append(columns.workflow_id == clean(chosen.workflow))
        if chosen.manifest:
            conditions.append(columns.manifest == clean(chosen.manifest))
        if chosen.tag == LATEST:
            newest = dataset_versions.alias("newest")
            later = select(newest.c.version).where(
                newest.c.name == columns.name,
                newest.c.version > columns.version,
                newest.c.state == VersionState.READY.value,
            )
            conditions.append(~later.exists())
        elif chosen.tag:
            tagged = select(dataset_tags.c.version).where(
                dataset_tags.c.name == columns.name,
                dataset_tags.c.version == columns.version,
                dataset_tags.c.tag == clean(chosen.tag),
            )
            conditions.append(tagged.exists())
        joined = dataset_versions.join(datasets, datasets.c.name == columns.name)
        return (
            select(dataset_versions, datasets.c.labels.label("dataset_labels"))
            .select_from(joined)
            .where(*conditions)
            .order_by(columns.name, columns.version)
        )

    def _datasets_of(self, rows: Sequence[Row[Any]]) -> tuple[DatasetRecord, ...]:
        names = [row.name for row in rows]
        tags: dict[str, dict[str, int]] = {name: {} for name in names}
        latest: dict[str, VersionRecord] = {}
        for some in _batches(names):
            tagged = select(dataset_tags).where(dataset_tags.c.name.in_(some)).order_by(dataset_tags.c.tag)
            for row in self._connection.execute(tagged):
                tags[row.name][row.tag] = row.version
        for name in names:
            found = self.dataset_version(DatasetReference(name=name))
            if found is not None:
                latest[name] = found
        return tuple(
            DatasetRecord(
                name=row.name,
                location=row.location,
                owner=row.owner,
                created_at=row.created_at,
                labels=string_map(row.labels),
                latest=latest.get(row.name),
                tags=tags[row.name],
            )
            for row in rows
        )

    def _versions_of(self, rows: Sequence[Row[Any]]) -> tuple[VersionRecord, ...]:
        tags: dict[tuple[str, int], list[str]] = {}
        for some in _batches(sorted({row.name for row in rows})):
            tagged = select(dataset_tags).where(dataset_tags.c.name.in_(some)).order_by(dataset_tags.c.tag)
            for row in self._connection.execute(tagged):
                tags.setdefault((row.name, row.version), []).append(row.tag)
        return tuple(_version(row, tuple(tags.get((row.name, row.version), ()))) for row in rows)


def _version(row: Row[Any], tags: tuple[str, ...]) -> VersionRecord:
    made_by = None
    if row.workflow_uuid is not None:
        made_by = MadeBy(
            workflow_uuid=WorkflowUuid(row.workflow_uuid),
            workflow_id=row.workflow_id,
            task=row.task,
            retry_id=row.retry_id,
            output=row.output,
        )
    return VersionRecord(
        dataset=row.name,
        version=row.version,
        manifest=row.manifest,
        location=row.location,
        files=row.files,
        size=row.size,
        created_by=row.created_by,
        created_at=row.created_at,
        metadata=object_map(row.metadata),
        labels=string_map(row.labels),
        state=VersionState(row.state),
        tags=tags,
        made_by=made_by,
    )


def _passes(row: Row[Any], chosen: VersionFilter) -> bool:
    if chosen.labels and not _has_all({**string_map(row.dataset_labels), **string_map(row.labels)}, chosen.labels):
        return False
    return not chosen.metadata or metadata_matches(object_map(row.metadata), chosen.metadata)


def _has_all(labels: Mapping[str, str], wanted: Sequence[tuple[str, str]]) -> bool:
    return all(labels.get(key) == value for key, value in wanted)


def _batches(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), _BATCH):
        yield names[start : start + _BATCH]
