"""Datasets on every kind of store: what goes in comes out, contents are kept once, and only the unused are removed."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from storage.credentials import OneKey
from storage.datasets.cache import BlobCache
from storage.datasets.client import DatasetClient
from storage.datasets.manifest import ManifestFile
from storage.datasets.notices import Pace, purging, uploading
from storage.datasets.purging import purge_manifests
from storage.faults import StoreError
from storage.lanes import NEVER
from storage.local import LocalStore
from storage.remote import remote_stores
from storage.stores import Stores
from storage.sums import MovedFile
from storage.transfer import Transfer, Upload
from storage.trees import Tree
from storage.urls import parse_location
from storage.watching import Unwatched
from tests.azure_store import AzureServer
from tests.object_store import S3Server

pytestmark = pytest.mark.xdist_group("s3")

ODD = ('ü ü+%&?#=x/"q"', "%20/a~b", "..x/...", ".hidden", "a" * 200, "😀", "line\nbreak", "tab\t", "back\\slash")


@dataclass(frozen=True, slots=True)
class Place:
    """A fresh location of a store."""

    stores: Stores
    url: str

    def client(self, cache: BlobCache | None = None, below: str = "/d") -> DatasetClient:
        """Datasets here."""
        return DatasetClient(self.url + below, stores=self.stores, cache=cache)

    def names(self, below: str = "/d") -> list[str]:
        """What is really there."""
        found = Transfer(self.stores, threading.Event()).listed(parse_location(f"{self.url}{below}/"))
        return sorted("/".join(each.parts) for each in found if hasattr(each, "parts"))

    def blobs(self) -> list[str]:
        """The digests of contents that are there."""
        return [name.rpartition("/")[2] for name in self.names() if name.startswith("blobs/")]


@pytest.fixture(params=["local", "s3", "azure"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A fresh place, once a store."""
    fresh = uuid.uuid4().hex
    if request.param == "local":
        return Place(Stores({"file": LocalStore()}), f"file://{tmp_path}/store")
    if request.param == "azure":
        azure: AzureServer = request.getfixturevalue("azurite")
        stores = Stores(remote_stores(OneKey(azure.connection_string())))
        return Place(stores, f"azure://{azure.account}/{azure.container}/{fresh}")
    server: S3Server = request.getfixturevalue("s3")
    return Place(Stores(remote_stores(OneKey(server.credential()))), f"s3://bucket/{fresh}")


def grow(directory: Path, files: dict[str, bytes]) -> Path:
    """A directory with files."""
    for name, body in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    directory.mkdir(exist_ok=True)
    return directory


def contents(directory: Path) -> dict[str, bytes]:
    """What is in a directory."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def sha256(body: bytes) -> str:
    """The digest of contents."""
    return hashlib.sha256(body).hexdigest()


def test_versions_share_what_they_have_in_common(place: Place, tmp_path: Path) -> None:
    """'content-addressed so that versions share files': what is there is not sent again, and nothing is kept twice."""
    client = place.client()
    files = {name: name.encode() for name in ODD} | {"same/1": b"same", "same/2": b"same", "empty": b""}
    first = client.upload([grow(tmp_path / "one", files)])
    assert (first.moved.files, first.moved.there) == (len(files), 1)
    second = client.upload([grow(tmp_path / "two", files | {"new": b"new"})])
    assert (second.moved.files, second.moved.there) == (len(files) + 1, len(files))
    assert place.blobs() == sorted(sha256(body) for body in {*files.values(), b"new"})
    assert "writers" not in {name.partition("/")[0] for name in place.names()}
    for made, expected in ((first.manifest, files), (second.manifest, files | {"new": b"new"})):
        found = client.manifest(made.id)
        assert found == made
        target = tmp_path / made.id
        moved = client.download(found, target)
        assert contents(target) == expected
        assert (moved.files, moved.bytes) == (len(expected), sum(map(len, expected.values())))


def test_a_path_and_a_regex_choose(place: Place, tmp_path: Path) -> None:
    """A path counts as the root of what is fetched, and one file goes by its base name, as with URLs."""
    client = place.client()
    made = client.upload([grow(tmp_path / "in", {"a/b/1.txt": b"1", "a/b/2.log": b"2", "ab": b"3"})]).manifest
    client.download(made, tmp_path / "path", path="a", regex=r".*\.txt$")
    assert contents(tmp_path / "path") == {"b/1.txt": b"1"}
    client.download(made, tmp_path / "file", path="a/b/2.log", regex="nothing")
    assert contents(tmp_path / "file") == {"2.log": b"2"}
    assert client.download(made, tmp_path / "none", path="b").files == 0
    chosen = client.upload([tmp_path / "in"], regex=r"a/.*\.log").manifest
    assert [file.path for file in chosen.files] == ["a/b/2.log"]


def test_a_version_on_top_of_another(place: Place, tmp_path: Path) -> None:
    """'update = new version with files added': those of the base stay unless they are replaced."""
    client = place.client()
    base = client.upload([grow(tmp_path / "base", {"a": b"1", "b": b"2"})]).manifest
    made = client.upload([grow(tmp_path / "more", {"b": b"3", "c": b"4"})], base=lambda: base.files).manifest
    client.download(made, tmp_path / "out")
    assert contents(tmp_path / "out") == {"a": b"1", "b": b"3", "c": b"4"}


def test_a_download_goes_on_where_it_was(place: Place, tmp_path: Path) -> None:
    """What is there with the same contents stays; what differs is replaced."""
    client = place.client()
    made = client.upload([grow(tmp_path / "in", {"a": b"1", "b": b"2", "large": b"x" * 17_000_000})]).manifest
    target = grow(tmp_path / "out", {"a": b"1", "b": b"other"})
    moved = client.download(made, target)
    assert (moved.files, moved.there) == (3, 1)
    assert contents(target) == contents(tmp_path / "in")
    assert client.download(made, target).there == 3


def test_damage_is_found_and_said(place: Place, tmp_path: Path) -> None:
    """'checksum = verify stored blobs against the manifest'; an upload of the same files heals it."""
    client = place.client()
    files = {"good": b"good", "bad": b"bad!", "gone": b"gone", "short": b"short"}
    made = client.upload([grow(tmp_path / "in", files)]).manifest
    assert client.check(made).is_whole
    transfer = Transfer(place.stores, threading.Event())
    _replace(place, sha256(b"bad!"), b"worse"[:4], tmp_path)
    _replace(place, sha256(b"short"), b"sh", tmp_path)
    transfer.delete(parse_location(f"{place.url}/d/blobs/sha256/{sha256(b'gone')[:2]}/{sha256(b'gone')}"))
    found = client.check(made)
    assert (found.missing, found.damaged) == (["gone"], ["bad", "short"])
    quick = client.check(made, reads=False)
    assert (quick.missing, quick.damaged) == (["gone"], ["short"])
    with pytest.raises(StoreError, match="damaged"):
        client.download(made, tmp_path / "out", path="bad")
    assert not (tmp_path / "out/bad").exists()
    client.upload([tmp_path / "in"])
    assert client.check(made).is_whole


def test_only_what_nothing_refers_to_is_removed(place: Place, tmp_path: Path) -> None:
    """'--purge removes blobs that no other manifest in that location refers to.'"""
    client = place.client()
    first = client.upload([grow(tmp_path / "one", {"shared": b"shared", "a": b"a"})]).manifest
    second = client.upload([grow(tmp_path / "two", {"shared": b"shared", "b": b"b"})]).manifest
    moved = client.purge([first.id])
    assert (moved.files, moved.bytes) == (1, 1)
    assert client.check(second).is_whole
    with pytest.raises(StoreError, match="There is no manifest"):
        client.manifest(first.id)
    assert client.purge([first.id]).files == 0
    assert client.purge([second.id]).files == 2
    assert place.names() == []


QUICK = Pace(beat_seconds=0.05, dead_seconds=0.5, wait_seconds=1.0, look_seconds=0.02)


def test_a_removal_is_refused_while_an_upload_goes_on(place: Place, tmp_path: Path) -> None:
    """Of two at the same time one sees the other: contents that an upload found are not removed under it."""
    client = DatasetClient(f"{place.url}/d", stores=place.stores, pace=QUICK)
    made = client.upload([grow(tmp_path / "in", {"a": b"a"})]).manifest
    with uploading(place.stores, parse_location(f"{place.url}/d"), "other", NEVER, pace=QUICK) as note:
        with pytest.raises(StoreError, match="add --force"):
            client.purge([made.id])
        assert note.is_there
        assert client.check(made).is_whole
        assert client.purge([made.id], force=True).files == 1


def test_an_upload_waits_for_a_removal(place: Place, tmp_path: Path) -> None:
    """And says so in the end."""
    client = DatasetClient(f"{place.url}/d", stores=place.stores, pace=QUICK)
    with (
        purging(place.stores, parse_location(f"{place.url}/d"), "other", NEVER, force=False, pace=QUICK),
        pytest.raises(StoreError, match="are being removed"),
    ):
        client.upload([grow(tmp_path / "in", {"a": b"a"})])
    client.upload([tmp_path / "in"])


def test_what_killed_processes_left_stops_nobody(place: Place, tmp_path: Path) -> None:
    """A note that is not written anew is taken away by who waited for it."""
    client = DatasetClient(f"{place.url}/d", stores=place.stores, pace=QUICK)
    _leave_note(place, "purges/killed", tmp_path)
    made = client.upload([grow(tmp_path / "in", {"a": b"a"})]).manifest
    _leave_note(place, "writers/killed", tmp_path)
    assert client.purge([made.id]).files == 1
    assert place.names() == []


def test_who_was_taken_for_dead_looks_again(place: Place, tmp_path: Path) -> None:
    """An upload whose note is gone at its end sends again what was removed meanwhile."""
    location = parse_location(f"{place.url}/d")
    client = DatasetClient(f"{place.url}/d", stores=place.stores)
    old = client.upload([grow(tmp_path / "in", {"a": b"a"})]).manifest
    taken: list[str] = []

    def removing() -> Iterator[ManifestFile]:
        # All contents are found to be there by now.
        if not taken:
            taken.extend(name for name in place.names() if name.startswith("writers/"))
            Transfer(place.stores, threading.Event()).delete(location.below(*taken[0].split("/")))
            purge_manifests(place.stores, location, [old.id], name="p", stopped=NEVER, pace=QUICK)
        return iter(())

    made = client.upload([tmp_path / "in"], base=removing).manifest
    assert made == old
    assert client.check(made).is_whole
    assert client.manifest(made.id) == made


def test_copies_at_another_location(place: Place, tmp_path: Path) -> None:
    """'migrate = copy to another location'."""
    client = place.client()
    made = client.upload([grow(tmp_path / "in", {"a": b"1", "b": b"2", "c": b"2"})]).manifest
    moved = client.copy_to(f"{place.url}/other", made)
    assert (moved.files, moved.there) == (2, 0)
    other = place.client(below="/other")
    other.download(other.manifest(made.id), tmp_path / "out")
    assert contents(tmp_path / "out") == contents(tmp_path / "in")
    assert client.copy_to(f"{place.url}/other", made).there == 2


def test_nothing_is_an_empty_manifest(place: Place, tmp_path: Path) -> None:
    """An empty directory is a version without files."""
    made = place.client().upload([grow(tmp_path / "in", {})]).manifest
    assert made.files == ()
    assert place.client().manifest(made.id) == made


@dataclass(slots=True)
class Counted(Unwatched):
    """Counts bytes."""

    found_bytes: int = 0
    moved_bytes: int = 0
    names: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def found(self, files: int, size: int) -> None:
        """There is more."""
        self.found_bytes += size

    def moved(self, size: int) -> None:
        """Some moved."""
        with self._lock:
            self.moved_bytes += size

    def done(self, file: MovedFile) -> None:
        """A file is there."""
        with self._lock:
            self.names.append("/".join(file.parts))


def test_progress_comes_to_its_end(place: Place, tmp_path: Path) -> None:
    """What is shown as moved is what was found, also where contents are the same or there already."""
    files = {"a": b"12", "b": b"12", "c": b"345"}
    for _ in range(2):
        watch = Counted()
        made = DatasetClient(f"{place.url}/d", stores=place.stores, watch=watch).upload([grow(tmp_path / "in", files)])
        assert (watch.found_bytes, watch.moved_bytes, sorted(watch.names)) == (7, 7, ["a", "b", "c"])
    for _ in range(2):
        watch = Counted()
        DatasetClient(f"{place.url}/d", stores=place.stores, watch=watch).download(made.manifest, tmp_path / "out")
        assert (watch.found_bytes, watch.moved_bytes, sorted(watch.names)) == (7, 7, ["a", "b", "c"])


def test_what_was_fetched_once_is_not_fetched_again(s3: S3Server, tmp_path: Path) -> None:
    """'through a local cache directory': with it, a store that is gone is not missed."""
    url, cache = f"s3://bucket/{uuid.uuid4().hex}", BlobCache(directory=tmp_path / "cache")
    client = DatasetClient(url, {"s3://bucket": s3.credential()}, cache=cache)
    made = client.upload([grow(tmp_path / "in", {"a": b"1", "b/c": b"22"})]).manifest
    client.download(made, tmp_path / "first")
    client.purge([made.id])
    client.download(made, tmp_path / "second")
    assert contents(tmp_path / "second") == contents(tmp_path / "in")
    # Whoever changes his copy does not change ours.
    (tmp_path / "second/a").write_bytes(b"X")
    client.download(made, tmp_path / "third")
    assert contents(tmp_path / "third") == contents(tmp_path / "in")


def _replace(place: Place, digest: str, body: bytes, tmp_path: Path) -> None:
    directory = grow(tmp_path / f"damage-{digest[:8]}", {digest: body})
    url = f"{place.url}/d/blobs/sha256/{digest[:2]}"
    _put(place, directory, url)


def _leave_note(place: Place, name: str, tmp_path: Path) -> None:
    folder, _, last = name.partition("/")
    _put(place, grow(tmp_path / folder, {last: b""}), f"{place.url}/d/{folder}")


def _put(place: Place, directory: Path, url: str) -> None:
    with Tree.open(directory) as tree:
        Transfer(place.stores, threading.Event()).upload(tree, Upload(start=()), parse_location(url), "w")
