"""What every object store does with the same transfers: directories of this machine, and a real S3 server."""

from __future__ import annotations

import hashlib
import os
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from storage.credentials import OneKey
from storage.faults import NoSuchObject, TransferStopped
from storage.local import LocalStore
from storage.remote import RemoteStore
from storage.select import EVERYTHING, selection
from storage.stores import StoredObject, Stores
from storage.transfer import Transfer, Upload
from storage.trees import Tree
from storage.urls import Location, directory_location, parse_location
from tests.object_store import S3Server

pytestmark = pytest.mark.xdist_group("s3")

ODD = ('ü ü+%&?#=x/"q"', "%20/a~b", "sp ace", "d/" + "k" * 100 + "/" + "l" * 100 + "/" + "m" * 90, "'*()!;:@$,")


@dataclass(frozen=True, slots=True)
class Place:
    """A fresh location of a store, with the directories of a test."""

    stores: Stores
    location: Location
    home: Path

    def transfer(self) -> Transfer:
        """Transfers to and from here."""
        return Transfer(self.stores, threading.Event())

    def fill(self, files: dict[str, bytes]) -> None:
        """Put files there."""
        source = self.home / f"source-{uuid.uuid4().hex}"
        for name, content in files.items():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes(content)
        with Tree.open(source) as tree:
            moved = self.transfer().upload(tree, Upload(start=()), self.location, "w")
        assert (moved.files, moved.bytes) == (len(files), sum(map(len, files.values())))

    def content(self, regex: str = "", *below: str) -> dict[str, bytes]:
        """What is there, or below it: name to content."""
        into = self.home / f"into-{uuid.uuid4().hex}"
        location = self.location.below(*below) if below else self.location
        with Tree.open(into, create=True) as tree:
            moved = self.transfer().download(location, tree, ("x",), selection(regex))
        assert not moved.notes
        found = {str(path.relative_to(into / "x")): path.read_bytes() for path in into.rglob("*") if path.is_file()}
        assert (moved.files, moved.bytes) == (len(found), sum(map(len, found.values())))
        return found


@pytest.fixture(params=["local", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A fresh place, once a store."""
    if request.param == "local":
        yield Place(Stores({"file": LocalStore()}), directory_location(tmp_path / "store"), tmp_path)
        return
    server: S3Server = request.getfixturevalue("s3")
    stores = Stores({"s3": RemoteStore(OneKey(server.credential()))})
    yield Place(stores, parse_location(f"s3://{server.bucket}/{uuid.uuid4().hex}/p"), tmp_path)


def test_what_goes_in_comes_out_with_its_layout(place: Place) -> None:
    """§6.4 the whole matched sub-tree keeps its relative layout; names are names, whatever characters they have."""
    files = {name: name.encode() for name in (*ODD, "a/b/c.txt", "a/top", ".hidden", "empty")} | {"empty": b""}
    place.fill(files)
    assert place.content() == files


@pytest.mark.parametrize("size", [0, 1, 4 * 1024 * 1024, 4 * 1024 * 1024 + 1, 40_000_003])
def test_sizes(place: Place, size: int) -> None:
    body = os.urandom(size)
    place.fill({"f": body})
    assert hashlib.sha256(place.content()["f"]).digest() == hashlib.sha256(body).digest()


def test_many_small_files(place: Place) -> None:
    files = {f"d{number % 7}/{number}": str(number).encode() for number in range(400)}
    place.fill(files)
    assert place.content() == files


def test_a_part_of_an_object(place: Place) -> None:
    body = os.urandom(100_000)
    place.fill({"d/ü f": body})
    found = StoredObject(parts=("d", "ü f"), size=len(body))
    with place.stores.serving(place.location).source(place.location) as source:
        assert source.part(found, 0, len(body)) == body
        assert source.part(found, 70_000, 10) == body[70_000:70_010]
        assert source.part(found, 99_990, 100) == body[99_990:]
        with pytest.raises(NoSuchObject):
            source.part(StoredObject(parts=("d", "nothing"), size=10), 0, 10)


def test_regex_is_matched_at_the_start_of_the_relative_path(place: Place) -> None:
    """§6.4 re.match: anchored at start, not end."""
    place.fill(dict.fromkeys(("a.txt", "a.txt.bak", "b.csv", "d/a.txt"), b"."))
    assert sorted(place.content(r"a\.txt")) == ["a.txt", "a.txt.bak"]
    assert sorted(place.content(r".*a\.txt$")) == ["a.txt", "d/a.txt"]


def test_one_object_is_saved_under_its_base_name_whatever_the_regex(place: Place) -> None:
    """§6.4 URI of one object -> saved under its base name; regex ignored."""
    place.fill({"d/one.txt": b"1", "d/two.txt": b"2"})
    assert place.content("nothing", "d", "one.txt") == {"one.txt": b"1"}


def test_a_prefix_is_a_directory_not_the_beginning_of_a_name(place: Place) -> None:
    place.fill({"d/one": b"1", "dd/two": b"2", "d.x": b"3"})
    assert place.content("", "d") == {"one": b"1"}


def test_what_is_not_there_is_empty(place: Place) -> None:
    """§6.3 empty download result = warning only."""
    assert place.content("", "none") == {}


def test_a_repeated_upload_replaces(place: Place) -> None:
    place.fill({"a": b"old", "b": b"kept"})
    place.fill({"a": b"new"})
    assert place.content() == {"a": b"new", "b": b"kept"}


def test_a_stopped_transfer_leaves_nothing_half(place: Place) -> None:
    place.fill({"large": os.urandom(12_000_000)})
    stopped = threading.Event()
    stopped.set()
    into = place.home / "stopped"
    with Tree.open(into, create=True) as tree, pytest.raises(TransferStopped):
        Transfer(place.stores, stopped).download(place.location, tree, ("x",), EVERYTHING)
    assert [path for path in into.rglob("*") if path.is_file()] == []
