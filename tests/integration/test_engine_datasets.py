"""Datasets as inputs and outputs of tasks on the local engine."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.ports import Run
from runtime.passport import read_passport
from storage.credentials import DataCredential
from storage.datasets.client import DatasetClient
from storage.datasets.manifest import Manifest
from tests.integration.engine_scene import Memory, Scene, run, scene, task
from tests.object_store import S3Server
from translator.lifecycle.facts import DatasetMade
from translator.lifecycle.words import TaskStatus
from translator.plan.model import DatasetInput, DatasetOutput

pytestmark = pytest.mark.xdist_group("s3")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A running engine with a place for datasets in its own, hidden directory, and a cache."""
    home = tmp_path_factory.mktemp("engine")
    with scene(home / "engine", hidden=(home,), datasets=home / "datasets", cache=home / "cache") as running:
        yield running


@pytest.fixture
def here(stage: Scene) -> str:
    """The place for datasets."""
    return f"file://{stage.root.parent}/datasets"


def stored(url: str, directory: Path, files: dict[str, str], key: DataCredential | None = None) -> Manifest:
    """A version with some files."""
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    return DatasetClient(url, {} if key is None else {key.endpoint: key}).upload([directory]).manifest


def fetched(url: str, manifest: Manifest, **more: str) -> DatasetInput:
    """An input."""
    return DatasetInput(index=0, dataset="d", version=1, manifest=manifest.id, location=url, **more)


def output(url: str, index: int = 0, path: str = "", regex: str = "") -> DatasetOutput:
    """An output."""
    return DatasetOutput(index=index, dataset="e", location=url, path=path, regex=regex)


def ended_well(memory: Memory, name: str) -> tuple[DatasetMade, ...]:
    """Wait for a task, see that it completed, and say what it made."""
    end = memory.end(name)
    assert (end.status, end.exit_code) == (TaskStatus.COMPLETED, 0), (end.message, memory.system_log(name))
    return end.made


def names(url: str, made: DatasetMade, *keys: DataCredential) -> list[str]:
    """The files of what was made."""
    manifest = DatasetClient(url, {key.endpoint: key for key in keys}).manifest(made.manifest)
    assert (len(manifest.files), manifest.size) == (made.files, made.size)
    return [file.path for file in manifest.files]


def test_a_version_comes_in_and_a_new_one_goes_out(stage: Scene, here: str, tmp_path: Path) -> None:
    """'`{{input:N}}` and `{{output}}` mean what they mean for other inputs/outputs.'"""
    manifest = stored(here, tmp_path / "in", {"a/b.txt": "b", "c.txt": "c"})
    script = "cd /osmo/data/input/0; cat a/b.txt c.txt; cd /osmo/data/output; mkdir x; echo 1 > x/y; echo 2 > z"
    memory = stage.run(run(task("t", script, inputs=(fetched(here, manifest),), datasets=(output(here),))))
    (made,) = ended_well(memory, "t")
    assert memory.log("t") == ["bc"]
    assert (made.output, made.files, made.size) == (0, 2, 4)
    assert names(here, made) == ["x/y", "z"]
    assert "Downloaded input 0 from dataset d:1: 2 files, 2 bytes" in memory.system_log("t")
    assert any(line.startswith("Stored for dataset e at ") for line in memory.system_log("t"))


def test_a_path_and_a_regex_choose(stage: Scene, here: str, tmp_path: Path) -> None:
    """§6.4: matched at the start; a path of the version counts as its root."""
    manifest = stored(here, tmp_path / "in", {"a/b.txt": "b", "a/c.log": "c", "ab": "no"})
    script = (
        "cd /osmo/data/input/0; find . -type f; cd /osmo/data/output;"
        "mkdir -p s/t; echo 1 > s/t/k.txt; echo 2 > s/l.log; echo 3 > n"
    )
    out = (output(here, 0, path="s", regex=".*txt"), output(here, 2, path="/osmo/data/output/s/l.log"))
    found = fetched(here, manifest, path="a", regex=r".*\.txt$")
    memory = stage.run(run(task("t", script, inputs=(found,), datasets=out)))
    first, second = ended_well(memory, "t")
    assert memory.log("t") == ["./b.txt"]
    assert (first.output, names(here, first)) == (0, ["t/k.txt"])
    assert (second.output, names(here, second)) == (2, ["l.log"])


def test_a_version_is_made_although_the_command_failed(stage: Scene, here: str) -> None:
    """§6.3: 'after the command ends - whatever its exit code - upload outputs'."""
    memory = stage.run(run(task("t", "echo half > /osmo/data/output/f; exit 3", datasets=(output(here),))))
    end = memory.end("t")
    assert (end.status, end.exit_code) == (TaskStatus.FAILED, 3)
    assert names(here, end.made[0]) == ["f"]


@pytest.mark.parametrize("script", ["true", "echo x > /osmo/data/output/other"])
def test_no_file_makes_no_version(stage: Scene, here: str, script: str) -> None:
    """§6.3: 'skipped when the directory is empty'."""
    memory = stage.run(run(task("t", script, datasets=(output(here, path="sub/dir"),))))
    assert ended_well(memory, "t") == ()
    assert ("Warning: dataset e gets no version" in "\n".join(memory.system_log("t"))) is (script != "true")


def test_what_was_stored_counts_although_another_fails(stage: Scene, here: str) -> None:
    """A failed upload is 2012; what is stored before it is told all the same."""
    outputs = (output(here), output(here, 1, path="../.."))
    memory = stage.run(run(task("t", "echo x > /osmo/data/output/f", datasets=outputs)))
    end = memory.end("t")
    assert (end.status, end.exit_code) == (TaskStatus.FAILED, 2012)
    assert "../.. is no path below the output folder" in end.message
    assert [made.output for made in end.made] == [0]


def test_a_version_that_is_gone_or_damaged_fails_the_task(stage: Scene, here: str, tmp_path: Path) -> None:
    """2010: the command is not run."""
    manifest = stored(here, tmp_path / "in", {"a": "unique contents"})
    digest = manifest.files[0].sha256
    (stage.root.parent / "datasets/blobs/sha256" / digest[:2] / digest).write_text("unique contentZ")
    gone = DatasetInput(index=0, dataset="d", version=9, manifest="0" * 64, location=here)
    for name, found, said in (("t", fetched(here, manifest), "damaged"), ("u", gone, "There is no manifest 000")):
        memory = stage.run(run(task(name, "echo ran", inputs=(found,))))
        end = memory.end(name)
        assert (end.status, end.exit_code) == (TaskStatus.FAILED, 2010)
        assert said in end.message
        assert not memory.log(name)


def test_other_directories_of_the_gateway_stay_closed(stage: Scene) -> None:
    """Only the place for datasets is open although it is hidden."""
    inside = f"file://{stage.root.parent}/cache"
    memory = stage.run(run(task("t", "echo x > /osmo/data/output/f", datasets=(output(inside),))))
    end = memory.end("t")
    assert (end.status, end.exit_code) == (TaskStatus.FAILED, 2012)
    assert "holds data of argosmo itself" in end.message


def with_keys(this: Run, *keys: DataCredential) -> Run:
    """A workflow whose owner has stored keys."""
    return replace(this, data_keys={key.endpoint: key for key in keys})


def test_an_object_store_is_opened_with_the_owners_key(stage: Scene, s3: S3Server, tmp_path: Path) -> None:
    """'with the storage code and DATA credentials of the owner'; what was fetched is kept for the next task."""
    url, key = f"s3://bucket/{uuid.uuid4().hex}", s3.credential()
    manifest = stored(url, tmp_path / "in", {"a": "x"}, key)
    this = run(
        task(
            "t",
            "cp /osmo/data/input/0/a /osmo/data/output/b",
            inputs=(fetched(url, manifest),),
            datasets=(output(url),),
        )
    )
    (made,) = ended_well(stage.run(with_keys(this, key)), "t")
    assert names(url, made, key) == ["b"]
    # The same contents are there once.
    assert len([name for name in s3.keys(url.removeprefix("s3://bucket/")) if "/blobs/" in name]) == 1
    digest = manifest.files[0].sha256
    assert (stage.root.parent / "cache" / digest[:2] / digest).read_text() == "x"
    passport = read_passport((stage.root / "data" / this.plan.workflow_id / ".argosmo/passports/t/0.json").read_bytes())
    assert [(place.kind, place.url, place.manifest) for place in passport.places][-1] == ("dataset", url, made.manifest)


def test_a_key_that_may_only_read_fails_the_task_before_the_command(stage: Scene, s3: S3Server) -> None:
    """§6.3 step 2: write access of outputs is checked first."""
    url = f"s3://bucket/{uuid.uuid4().hex}"
    this = run(task("t", "echo ran; echo x > /osmo/data/output/f", datasets=(output(url),)))
    memory = stage.run(with_keys(this, s3.credential("reader")))
    end = memory.end("t")
    assert end.status is TaskStatus.FAILED
    assert f"Data access was denied: WRITE of {url}" in end.message
    assert not memory.log("t")
