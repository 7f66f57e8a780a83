"""Datasets as inputs and outputs of a pod: what the sidecar moves, tells its wrapper, and the mirror understands."""

from __future__ import annotations

import uuid
from pathlib import Path

import msgspec
import pytest

from storage.datasets.client import DatasetClient
from tests.integration.test_sidecar_task import IDENTITY, Pod, play
from tests.object_store import S3Server
from translator.argo.made_datasets import made_datasets
from translator.argo.payload import DATASETS_VERSION, Fetch, PushDataset, SidecarPayload

pytestmark = pytest.mark.xdist_group("s3")


@pytest.fixture
def client(s3: S3Server) -> DatasetClient:
    """Datasets at a fresh place."""
    return DatasetClient(f"s3://bucket/{uuid.uuid4().hex}", {"s3://bucket": s3.credential()})


def url_of(client: DatasetClient) -> str:
    """The place."""
    return client._location.url


def keys(s3: S3Server, identity: str = "writer") -> bytes:
    """The owner's keys, as they are mounted."""
    return msgspec.json.encode({"s3://bucket": s3.credential(identity)})


def payload(fetch: tuple[Fetch, ...] = (), push: tuple[PushDataset, ...] = ()) -> SidecarPayload:
    """What a sidecar is told."""
    return SidecarPayload(version=DATASETS_VERSION, identity=IDENTITY, inputs=fetch, datasets=push)


def test_a_version_comes_in_and_a_new_one_goes_out(tmp_path: Path, s3: S3Server, client: DatasetClient) -> None:
    """'so that local engine and pods fetch the same bytes'; what was stored comes back with the end."""
    (tmp_path / "in/a").mkdir(parents=True)
    (tmp_path / "in/a/b").write_text("hello")
    (tmp_path / "in/c").write_text("left out")
    manifest, url = client.upload([tmp_path / "in"]).manifest, url_of(client)
    fetch = Fetch(index=0, url=url, origin="dataset d:1", manifest=manifest.id, path="a")
    push = (PushDataset(index=1, name="e", url=url, regex="r"), PushDataset(index=3, name="f", url=url, path="none"))

    async def scene(pod: Pod) -> None:
        await pod.hello()
        assert (await pod.hear())["kind"] == "start"
        assert (tmp_path / "pod/data/input/0/b").read_text() == "hello"
        pod.output(result="done", other="x")
        pod.say(kind="exited", code=3)
        told = await pod.hear()
        assert (told["kind"], told.get("code", 0)) == ("finish", 0)
        (made,) = made_datasets(told["made"])
        assert (made.output, made.files, made.size) == (1, 1, 4)
        assert [file.path for file in client.manifest(made.manifest).files] == ["result"]
        await pod.end(3)

    said = play(tmp_path / "pod", payload((fetch,), push), scene, keys(s3))
    assert said == [
        "Downloaded input 0 from dataset d:1: 1 file, 5 bytes",
        f"Stored for dataset e at {url}: 1 file, 4 bytes",
        "Warning: dataset f gets no version: there is no file at none in the output folder",
    ]


def test_what_was_stored_is_told_although_another_fails(tmp_path: Path, s3: S3Server, client: DatasetClient) -> None:
    """2012, with what is there."""
    url = url_of(client)
    push = (PushDataset(index=0, name="e", url=url), PushDataset(index=1, name="f", url=url, path="../x"))

    async def scene(pod: Pod) -> None:
        await pod.hello()
        await pod.hear()
        pod.output(result="done")
        pod.say(kind="exited", code=0)
        told = await pod.hear()
        assert (told["kind"], told["code"], told["phase"]) == ("finish", 2012, "upload")
        assert [made.output for made in made_datasets(told["made"])] == [0]
        await pod.end(1)

    play(tmp_path, payload((), push), scene, keys(s3))


def test_a_sidecar_that_comes_again_stores_the_same(tmp_path: Path, s3: S3Server, client: DatasetClient) -> None:
    """'idempotent by nature': the second time nothing is sent, and the manifest is the same."""
    push = (PushDataset(index=0, name="e", url=url_of(client)),)
    found: list[list[str]] = []

    async def scene(pod: Pod) -> None:
        pod.output(result="done")
        await pod.hello(phase="exited")
        found.append((await pod.hear())["made"])
        await pod.end()

    for home in ("one", "two"):
        play(tmp_path / home, payload((), push), scene, keys(s3))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("fetch", "push", "code"),
    [
        (Fetch(index=0, url="s3://bucket/none", manifest="0" * 64), None, 2010),
        (None, PushDataset(index=0, name="e", url="gs://bucket/x"), 2012),
        (Fetch(index=0, url="file:///etc", manifest="0" * 64), None, 2013),
    ],
)
def test_what_cannot_be_moved_ends_the_run_before_the_start(
    tmp_path: Path, s3: S3Server, fetch: Fetch | None, push: PushDataset | None, code: int
) -> None:
    """The command is not run."""

    async def scene(pod: Pod) -> None:
        await pod.hello()
        told = await pod.hear()
        assert (told["kind"], told["code"], told["phase"]) == ("finish", code, "download")
        await pod.end(1)

    play(tmp_path, payload((fetch,) if fetch else (), (push,) if push else ()), scene, keys(s3))
