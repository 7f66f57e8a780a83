"""Every operation on every store with every kind of contents, compared by SHA-256.

`ARGOSMO_STORAGE_FULL=1` makes the many 10,000 and the large 1 GiB; without it they are smaller.
"""

from __future__ import annotations

import hashlib
import os
import random
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from storage.credentials import DataCredential, OneKey
from storage.faults import StoreError
from storage.local import LocalStore
from storage.probe import Access, probe
from storage.remote import remote_stores
from storage.select import EVERYTHING, selection
from storage.stores import Folder, StoredObject, Stores
from storage.sums import MovedFile
from storage.transfer import Transfer, Upload
from storage.trees import Tree
from storage.urls import Location, directory_location, parse_location
from storage.watching import Unwatched
from tests.azure_store import AzureServer
from tests.object_store import S3Server

pytestmark = [pytest.mark.xdist_group("s3"), pytest.mark.timeout(3000 if "ARGOSMO_STORAGE_FULL" in os.environ else 600)]

FULL = "ARGOSMO_STORAGE_FULL" in os.environ
MIB = 1024 * 1024
STORES = ("local", "s3", "gs", "azure", "swift", "tos")
# Those that are more than another name for the way to S3.
THOROUGH = ("local", "s3")
ODD = (
    *('ü ü+%&?#=x/"q"', "%20/a~b", "sp ace", "'*()!;:@$,", "<&>|^`{}[]", "日本/ß.txt", "..x/...", "-r"),
    *(".hidden/.x", "a" * 200, "%2e%2e/%2F", "~", "a=b&c=d", "😀"),
)
KINDS = ("file", "folder", "empty", "many", "large", "odd", "long")


@dataclass(slots=True)
class Sums(Unwatched):
    """Notes what a transfer says of its files."""

    files: dict[str, tuple[int, str]]
    wants_sums: bool = True

    def done(self, file: MovedFile) -> None:
        """Note it."""
        self.files["/".join(file.parts)] = (file.size, file.sha256)


@dataclass(frozen=True, slots=True)
class Place:
    """A fresh location of a store."""

    name: str
    stores: Stores
    location: Location

    def transfer(self, sums: Sums | None = None, *, resumes: bool = False) -> Transfer:
        """Transfers to and from here."""
        return Transfer(self.stores, threading.Event(), watch=sums or Unwatched(), resumes=resumes)


@pytest.fixture(params=STORES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A fresh place, once a store."""
    fresh = f"{uuid.uuid4().hex}/p"
    name = str(request.param)
    if name == "local":
        return Place(name, Stores({"file": LocalStore()}), directory_location(tmp_path / "store"))
    if name == "azure":
        azure: AzureServer = request.getfixturevalue("azurite")
        url = f"azure://{azure.account}/{azure.container}/{fresh}"
        return Place(name, Stores(remote_stores(OneKey(azure.connection_string()))), parse_location(url))
    server: S3Server = request.getfixturevalue("s3")
    url = {
        "s3": f"s3://bucket/{fresh}",
        "gs": f"gs://bucket/{fresh}",
        "swift": f"swift://swift.example.com/AUTH_me/bucket/{fresh}",
        "tos": f"tos://tos-s3.example.com/bucket/{fresh}",
    }[name]
    return Place(name, Stores(remote_stores(OneKey(server.credential()))), parse_location(url))


def fill(directory: Path, kind: str, *, thorough: bool) -> None:
    """Make the files of a kind."""
    directory.mkdir()
    chance = random.Random(kind)
    many, large = (10_000, 1024 * MIB) if FULL else (500, 64 * MIB) if thorough else (60, 18 * MIB)
    names: list[str] = []
    match kind:
        case "file":
            names = ["one.bin"]
        case "folder":
            names = ["a", "b/c", "b/d/e", "b.x", "bb"]
        case "empty":
            (directory / "nothing").touch()
        case "many":
            names = [f"d{number % 13}/{number:05}" for number in range(many)]
        case "odd":
            names = list(ODD)
        case "long":
            # 300 characters, with the 35 that the place has before them.
            names = ["k" * 100 + "/" + "l" * 120 + "/" + "m" * 43, "é" * 100 + "/" + "n" * 164]
    for name in names:
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(chance.randint(1, 4096)))
    if kind == "large":
        with (directory / "large").open("wb") as file:
            block = chance.randbytes(16 * MIB)
            for number in range(-(-large // len(block))):
                file.write(number.to_bytes(8, "big") + block[8 : min(len(block), large - number * len(block))])


def contents(directory: Path) -> dict[str, tuple[int, str]]:
    """Size and SHA-256 of every file, by relative path."""
    found = {}
    for path in directory.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                found[str(path.relative_to(directory))] = (
                    path.stat().st_size,
                    hashlib.file_digest(file, "sha256").hexdigest(),
                )
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_operation(place: Place, kind: str, tmp_path: Path) -> None:
    """check, upload, list, download, resumed both ways, delete; every file's SHA-256 on both sides."""
    source, into = tmp_path / "source", tmp_path / "into"
    fill(source, kind, thorough=place.name in THOROUGH)
    expected, up, down = contents(source), Sums({}), Sums({})
    for access in Access:
        probe(place.stores, place.location, access)
    with Tree.open(source) as tree, Tree.open(into, create=True) as target:
        moved = place.transfer(up).upload(tree, Upload(start=()), place.location, "w")
        assert (moved.files, moved.notes, up.files) == (len(expected), [], expected)
        listed = [entry for entry in place.transfer().listed(place.location) if isinstance(entry, StoredObject)]
        assert {"/".join(entry.parts): entry.size for entry in listed} == {
            name: size for name, (size, _) in expected.items()
        }
        moved = place.transfer(down).download(place.location, target, (), EVERYTHING)
        assert (moved.files, moved.notes, down.files) == (len(expected), [], expected)
        assert contents(into) == expected
        again = place.transfer(resumes=True).upload(tree, Upload(start=()), place.location, "w")
        assert (again.files, again.there) == (len(expected), len(expected))
        again = place.transfer(resumes=True).download(place.location, target, (), EVERYTHING)
        assert (again.files, again.there) == (len(expected), len(expected))
    assert place.transfer().delete(place.location).files == len(expected)
    assert list(place.transfer().listed(place.location)) == []


def test_levels_single_objects_and_regular_expressions(place: Place, tmp_path: Path) -> None:
    fill(tmp_path / "source", "folder", thorough=False)
    with Tree.open(tmp_path / "source") as tree:
        place.transfer().upload(tree, Upload(start=()), place.location, "w")
    level = list(place.transfer().listed(place.location, recursive=False))
    assert sorted("/".join(entry.parts) for entry in level if isinstance(entry, Folder)) == ["b"]
    assert sorted("/".join(entry.parts) for entry in level if isinstance(entry, StoredObject)) == ["a", "b.x", "bb"]
    below = place.location.below("b")
    assert [entry.parts for entry in place.transfer().listed(below) if isinstance(entry, StoredObject)] == [
        ("c",),
        ("d", "e"),
    ]
    single = place.location.below("b", "c")
    with Tree.open(tmp_path / "one", create=True) as target:
        assert place.transfer().download(single, target, (), selection("nothing")).files == 1
    assert list(contents(tmp_path / "one")) == ["c"]
    assert place.transfer().delete(single, selection("nothing")).files == 1
    assert place.transfer().delete(place.location, selection(r"b\.|bb")).files == 2
    left = [entry.parts for entry in place.transfer().listed(place.location) if isinstance(entry, StoredObject)]
    assert sorted(left) == [("a",), ("b", "d", "e")]


def test_what_is_not_there(place: Place, tmp_path: Path) -> None:
    """§6.3 empty download result = warning only."""
    with Tree.open(tmp_path / "into", create=True) as target:
        assert place.transfer().download(place.location, target, (), EVERYTHING).files == 0
    assert place.transfer().delete(place.location).files == 0
    probe(place.stores, place.location, Access.READ)


@pytest.mark.parametrize(("access", "may"), [(Access.READ, True), (Access.WRITE, False), (Access.DELETE, False)])
def test_a_key_that_may_only_read(s3: S3Server, access: Access, may: bool) -> None:
    stores = Stores(remote_stores(OneKey(s3.credential("reader"))))
    location = parse_location(f"s3://{s3.bucket}/{uuid.uuid4().hex}")
    if may:
        probe(stores, location, access)
        return
    with pytest.raises(StoreError, match="was refused"):
        probe(stores, location, access)
    assert s3.unfinished() == []


@pytest.fixture(params=["s3", "azure"])
def wrong(request: pytest.FixtureRequest) -> Iterator[tuple[DataCredential, Location]]:
    """A credential whose secret is wrong, and a place that it is for."""
    if request.param == "s3":
        server: S3Server = request.getfixturevalue("s3")
        yield server.credential("writer", "wrong"), parse_location("s3://bucket/x")
        return
    azure: AzureServer = request.getfixturevalue("azurite")
    key = azure.credential("d3Jvbmc=")
    yield key, parse_location(f"azure://{azure.account}/{azure.container}/x")


@pytest.mark.parametrize("access", Access)
def test_a_wrong_secret_is_refused(wrong: tuple[DataCredential, Location], access: Access) -> None:
    credential, location = wrong
    with pytest.raises(StoreError, match=r"was refused.*check the credential") as refused:
        probe(Stores(remote_stores(OneKey(credential))), location, access)
    assert str(credential.access_key) not in str(refused.value)
