"""Datasets while their store fails in every way known: nothing corrupt, nothing lost, nothing sent twice."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.credentials import OneKey
from storage.datasets.client import DatasetClient
from storage.faults import StoreError
from storage.remote import RemoteStore
from storage.stores import Stores
from tests.fakes.faulty_store import Asked, Fault, FaultyStore, faulty_store
from tests.integration.test_storage_faults import LASTING, MIB, QUICK, Rotating, Weather, cut_after, sums
from tests.object_store import NoObjectStore, S3Server, s3_process

pytestmark = pytest.mark.xdist_group("s3-faults")


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    """A store of this file's own."""
    try:
        with s3_process() as running:
            yield running.server
    except NoObjectStore as reason:
        pytest.skip(f"no S3 server: {reason}")


@pytest.fixture
def proxy(server: S3Server) -> Iterator[FaultyStore]:
    """The store, reached through something that can be told to fail."""
    with faulty_store(server.url) as running:
        yield running


def grow(directory: Path, sizes: list[int], chance: random.Random) -> Path:
    """A directory with files of some sizes."""
    directory.mkdir()
    for number, size in enumerate(sizes):
        (directory / f"ü {number}").write_bytes(chance.randbytes(size))
    return directory


@pytest.mark.parametrize("seed", range(4))
def test_bad_weather(server: S3Server, proxy: FaultyStore, tmp_path: Path, seed: int) -> None:
    """503, 500, resets before, in and after an answer, wrong tags, corrupt bytes, keys that expire in the middle."""
    chance, behind = random.Random(seed), server.behind(proxy.url)
    rotating = Rotating(behind.credential("writer"), behind.credential("successor"))
    weather = Weather(chance, rotating, expires_at=seed * 5)
    client = DatasetClient(
        f"s3://{server.bucket}/{uuid.uuid4().hex}", stores=Stores({"s3": RemoteStore(rotating, LASTING)})
    )
    source = grow(tmp_path / "in", [0, 1, 1000, 1000, 100_000, 6_000_000], chance)
    proxy.reset(weather.rule)
    made = client.upload([source]).manifest
    proxy.reset(weather.rule)
    client.download(client.manifest(made.id), tmp_path / "out")
    assert sums(tmp_path / "out") == sums(source) == {file.path: file.sha256 for file in made.files}
    proxy.reset(weather.rule)
    assert client.check(made).is_whole
    assert server.unfinished() == []


def test_an_upload_that_was_cut_off_goes_on(server: S3Server, proxy: FaultyStore, tmp_path: Path) -> None:
    """What is there is not sent again: at most 55 % of the bytes after a cut at half."""
    key = OneKey(server.behind(proxy.url).credential())
    url = f"s3://{server.bucket}/{uuid.uuid4().hex}"
    source = grow(tmp_path / "in", [40 * MIB] + [MIB] * 8, random.Random(1))
    whole = 48 * MIB
    cut_after(proxy, whole // 2, lambda: proxy.received_bytes)
    with pytest.raises(StoreError):
        DatasetClient(url, stores=Stores({"s3": RemoteStore(key, QUICK)})).upload([source])
    proxy.reset(lambda _: Fault.NONE)
    client = DatasetClient(url, stores=Stores({"s3": RemoteStore(key, LASTING)}))
    made = client.upload([source]).manifest
    assert proxy.received_bytes <= 0.55 * whole
    assert client.check(made).is_whole
    assert server.unfinished() == []


def test_a_download_that_was_cut_off_goes_on(server: S3Server, proxy: FaultyStore, tmp_path: Path) -> None:
    """Files that are there stay, and of a large one what came of it."""
    key = OneKey(server.behind(proxy.url).credential())
    url = f"s3://{server.bucket}/{uuid.uuid4().hex}"
    source = grow(tmp_path / "in", [MIB] * 24 + [24 * MIB], random.Random(2))
    made = DatasetClient(url, stores=Stores({"s3": RemoteStore(key, QUICK)})).upload([source]).manifest
    whole = 48 * MIB
    cut_after(proxy, whole // 2, lambda: proxy.sent_bytes)
    with pytest.raises(StoreError):
        DatasetClient(url, stores=Stores({"s3": RemoteStore(key, QUICK)})).download(made, tmp_path / "out")
    proxy.reset(lambda _: Fault.NONE)
    DatasetClient(url, stores=Stores({"s3": RemoteStore(key, LASTING)})).download(made, tmp_path / "out")
    assert proxy.sent_bytes <= 0.55 * whole
    assert sums(tmp_path / "out") == sums(source)


def test_two_uploads_of_the_same_at_a_time(server: S3Server, tmp_path: Path) -> None:
    """They make the same version, and neither waits for the other."""
    key, url = OneKey(server.credential()), f"s3://{server.bucket}/{uuid.uuid4().hex}"
    source = grow(tmp_path / "in", [1000] * 40, random.Random(3))
    ids: list[str] = []

    def upload() -> None:
        client = DatasetClient(url, stores=Stores({"s3": RemoteStore(key, QUICK)}))
        ids.append(client.upload([source]).manifest.id)

    threads = [threading.Thread(target=upload) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 4
    client = DatasetClient(url, stores=Stores({"s3": RemoteStore(key, QUICK)}))
    assert client.check(client.manifest(ids[0])).is_whole
    assert set(ids) == {ids[0]}
    # Nothing says that somebody still uploads.
    assert client.purge(ids).files == 40


def test_a_refusal_is_no_damage(server: S3Server, proxy: FaultyStore, tmp_path: Path) -> None:
    """Who may not read is told so, and not that contents are damaged."""
    key = OneKey(server.behind(proxy.url).credential())
    client = DatasetClient(f"s3://{server.bucket}/{uuid.uuid4().hex}", stores=Stores({"s3": RemoteStore(key, QUICK)}))
    made = client.upload([grow(tmp_path / "in", [10], random.Random(4))]).manifest

    def expired(asked: Asked) -> Fault:
        return Fault.EXPIRED if asked.method == "GET" and "/blobs/" in asked.path else Fault.NONE

    proxy.reset(expired)
    with pytest.raises(StoreError, match="renew the credential"):
        client.check(made)
