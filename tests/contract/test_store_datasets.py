"""What every database must do with datasets, their versions and tags."""

from __future__ import annotations

import threading
from dataclasses import replace
from uuid import uuid4

import pytest

from gateway.ports.datasets import (
    DatasetFilter,
    MadeBy,
    MadeVersion,
    NewVersion,
    VersionFilter,
    VersionRecord,
    VersionState,
)
from gateway.store.session import SqlStore
from tests.databases import wiped
from tests.workplace import moment
from translator.plan.model import WorkflowUuid
from translator.spec.dataset_names import dataset_reference

NEW = NewVersion(manifest="a" * 64, location="s3://b/d", files=2, size=2**40, created_by="alice", created_at=moment(1))


@pytest.fixture
def store(shared_store: SqlStore) -> SqlStore:
    """An empty database."""
    return wiped(shared_store)


def add(store: SqlStore, name: str = "d", new: NewVersion = NEW) -> VersionRecord:
    """A version, and its dataset where it is not there."""
    with store.writing() as writes:
        writes.new_dataset(name, location="s3://b/d", owner="alice", now=moment(0), labels={"kind": name})
        return writes.new_version(name, new)


def found(store: SqlStore, text: str, *, deleted: bool = False) -> int | None:
    """The number of a version."""
    with store.reading() as reads:
        record = reads.dataset_version(dataset_reference(text), deleted=deleted)
    return None if record is None else record.version


def chosen(store: SqlStore, which: VersionFilter, after: tuple[str, int] = ("", 0), limit: int = 100) -> list[str]:
    """The versions of a page."""
    with store.reading() as reads:
        return [f"{record.dataset}:{record.version}" for record in reads.dataset_versions(which, after, limit)]


def test_versions_rise_from_one_and_are_never_given_twice(store: SqlStore) -> None:
    """'version number rising from 1'; a deleted one keeps its number."""
    assert [add(store).version, add(store).version, add(store, "e").version] == [1, 2, 1]
    with store.writing() as writes:
        writes.delete_version("d", 2)
    assert (found(store, "d"), found(store, "d:2"), found(store, "d:2", deleted=True)) == (1, None, 2)
    assert add(store).version == 3
    with store.writing() as writes:
        writes.delete_dataset("d")
        assert writes.dataset("d") is None
    assert found(store, "d") is None
    assert add(store).version == 4


def test_a_version_is_kept_as_it_was_given(store: SqlStore) -> None:
    """Every field, numbers beyond 32 bits too."""
    metadata: dict[str, object] = {"a": {"b": [1, 2.5, None, True, "ü"]}}
    made_by = MadeBy(workflow_uuid=WorkflowUuid(uuid4().hex), workflow_id="w-1", task="t", retry_id=3, output=1)
    record = add(store, "d", replace(NEW, metadata=metadata, labels={"k": "v"}, made_by=made_by))
    with store.reading() as reads:
        assert reads.dataset_version(dataset_reference("d:1")) == record
    assert (record.manifest, record.location, record.files, record.size) == ("a" * 64, "s3://b/d", 2, 2**40)
    assert (record.created_by, record.created_at, record.state) == ("alice", moment(1), VersionState.READY)
    assert (record.metadata, record.labels, record.made_by, record.tags) == (metadata, {"k": "v"}, made_by, ())


def test_an_output_becomes_one_version(store: SqlStore) -> None:
    """'exactly once (idempotent by workflow, task, attempt, output index)'; numbers are not used up."""
    made_by = MadeBy(workflow_uuid=WorkflowUuid(uuid4().hex), workflow_id="w-1", task="t", retry_id=0, output=0)
    first = add(store, "d", replace(NEW, made_by=made_by))
    assert add(store, "d", replace(NEW, manifest="b" * 64, made_by=made_by)) == first
    assert add(store, "d", replace(NEW, made_by=replace(made_by, retry_id=1))).version == 2
    assert add(store, "d", replace(NEW, made_by=replace(made_by, output=1))).version == 3


def test_what_tasks_made_is_written_with_their_state(store: SqlStore) -> None:
    """'the mirror registers the new version exactly once', in the transaction that says that the task has ended."""
    made_by = MadeBy(workflow_uuid=WorkflowUuid(uuid4().hex), workflow_id="w-1", task="t", retry_id=0, output=0)
    made = [
        MadeVersion(dataset=name, made_by=by, new=replace(NEW, made_by=by))
        for name, by in (("e", replace(made_by, output=1)), ("d", made_by))
    ]
    for _ in range(2):
        with store.writing() as writes:
            writes.add_made(made)
    assert chosen(store, VersionFilter()) == ["d:1", "e:1"]
    with store.reading() as reads:
        dataset = reads.dataset("e")
    assert dataset is not None
    assert (dataset.owner, dataset.location, dataset.created_at) == ("alice", "s3://b/d", moment(1))


def test_several_at_a_time_get_numbers_without_a_gap(store: SqlStore) -> None:
    """Whoever comes second waits for the first."""
    threads = [threading.Thread(target=add, args=(store,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert chosen(store, VersionFilter()) == [f"d:{number}" for number in range(1, 9)]


def test_tags_move_and_go_with_their_version(store: SqlStore) -> None:
    """'dataset_tags (tag -> version; `latest` is implied)'."""
    add(store)
    add(store)
    with store.writing() as writes:
        writes.set_dataset_tag("d", "good", 1)
        writes.set_dataset_tag("d", "best", 1)
        writes.set_dataset_tag("d", "good", 2)
        dataset = writes.dataset("d")
        assert dataset is not None
        assert dataset.tags == {"best": 1, "good": 2}
        assert dataset.latest is not None
        assert (dataset.latest.version, dataset.latest.tags) == (2, ("good",))
    assert (found(store, "d:good"), found(store, "d:best"), found(store, "d:latest")) == (2, 1, 2)
    with store.writing() as writes:
        assert writes.drop_dataset_tag("d", "best")
        assert not writes.drop_dataset_tag("d", "best")
        writes.delete_version("d", 2)
    assert (found(store, "d:good"), found(store, "d:best"), found(store, "d:latest")) == (None, None, 1)


def test_datasets_are_paged_and_chosen(store: SqlStore) -> None:
    """By name with stars, and labels; behind a name."""
    for name in ("Bb", "a", "b-1", "b-2", "c"):
        add(store, name)
    with store.writing() as writes:
        assert not writes.new_dataset("a", location="s3://x/y", owner="bob", now=moment(9))
        writes.change_dataset("c", labels={"kind": "a"}, location="s3://x/c")
        writes.delete_dataset("b-1")

    def names(which: DatasetFilter, after: str = "", limit: int = 10) -> list[str]:
        with store.reading() as reads:
            return [record.name for record in reads.datasets(which, after, limit)]

    assert names(DatasetFilter()) == ["Bb", "a", "b-2", "c"]
    assert names(DatasetFilter(), after="a", limit=1) == ["b-2"]
    assert names(DatasetFilter(name="b*")) == ["b-2"]
    assert names(DatasetFilter(name="b")) == []
    assert names(DatasetFilter(labels=[("kind", "a")])) == ["a", "c"]
    assert names(DatasetFilter(labels=[("kind", "a"), ("x", "y")])) == []
    with store.reading() as reads:
        kept, moved = reads.dataset("a"), reads.dataset("c")
    assert kept is not None
    assert moved is not None
    assert (kept.owner, kept.location, kept.created_at, moved.location) == ("alice", "s3://b/d", moment(0), "s3://x/c")


def test_versions_are_paged_and_chosen(store: SqlStore) -> None:
    """'query = by name/labels/metadata/tag filters'."""
    made_by = MadeBy(workflow_uuid=WorkflowUuid(uuid4().hex), workflow_id="w-1", task="t", retry_id=0, output=0)
    add(store, "d", replace(NEW, labels={"split": "train"}, metadata={"fps": 30, "robot": {"arm": "left"}}))
    add(store, "d", replace(NEW, labels={"kind": "other"}, metadata={"tags": ["x", "y"], "a.b": "dotted"}))
    add(store, "d", replace(NEW, created_by="bob", made_by=made_by))
    add(store, "e", NEW)
    with store.writing() as writes:
        writes.set_dataset_tag("d", "good", 1)
        writes.delete_version("d", 3)
        writes.change_version("e", 1, metadata={"n": 1}, labels={"l": "v"}, location="gs://x/y")
    assert chosen(store, VersionFilter()) == ["d:1", "d:2", "e:1"]
    assert chosen(store, VersionFilter(), after=("d", 1), limit=1) == ["d:2"]
    assert chosen(store, VersionFilter(), after=("d", 2)) == ["e:1"]
    for which, expected in (
        (VersionFilter(name="e*"), ["e:1"]),
        (VersionFilter(labels=[("split", "train")]), ["d:1"]),
        (VersionFilter(labels=[("kind", "d")]), ["d:1"]),
        (VersionFilter(labels=[("kind", "other")]), ["d:2"]),
        (VersionFilter(metadata=[("fps", "30")]), ["d:1"]),
        (VersionFilter(metadata=[("robot.arm", "left"), ("fps", "30")]), ["d:1"]),
        (VersionFilter(metadata=[("tags", "y")]), ["d:2"]),
        (VersionFilter(metadata=[("a.b", "dotted")]), ["d:2"]),
        (VersionFilter(metadata=[("robot", "left")]), []),
        (VersionFilter(tag="good"), ["d:1"]),
        (VersionFilter(tag="latest"), ["d:2", "e:1"]),
        (VersionFilter(created_by="bob", states=tuple(VersionState)), ["d:3"]),
        (VersionFilter(workflow="w-1", states=(VersionState.DELETED,)), ["d:3"]),
        (VersionFilter(workflow="w-1"), []),
        (VersionFilter(manifest="a" * 64, name="e"), ["e:1"]),
        (VersionFilter(manifest="b" * 64), []),
    ):
        assert chosen(store, which) == expected, which
    with store.reading() as reads:
        changed = reads.dataset_version(dataset_reference("e"))
    assert changed is not None
    assert (changed.metadata, changed.labels, changed.location) == ({"n": 1}, {"l": "v"}, "gs://x/y")


def test_long_lists_are_read_in_pieces(store: SqlStore) -> None:
    """More rows than are read at once, of which few pass."""
    with store.writing() as writes:
        for number in range(450):
            writes.new_dataset(f"d{number:03}", location="s3://b/d", owner="a", now=moment(0))
        writes.new_dataset("z", location="s3://b/d", owner="a", now=moment(0), labels={"x": "y"})
    with store.reading() as reads:
        assert [record.name for record in reads.datasets(DatasetFilter(labels=[("x", "y")]), "", 5)] == ["z"]
        assert len(reads.datasets(DatasetFilter(), "", 1000)) == 451
