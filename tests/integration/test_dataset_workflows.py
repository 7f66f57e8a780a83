"""Datasets through a whole gateway with the local engine: named in specs, pinned, made, found again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from gateway.ports.datasets import VersionFilter, VersionRecord
from gateway.store.session import SqlStore, open_store
from storage.datasets.client import DatasetClient
from translator.spec.dataset_names import dataset_reference

MAKE = """\
workflow:
  name: make
  tasks:
  - name: make
    image: ubuntu:24.04
    command: [sh, -c]
    args: ['mkdir {{output}}/sub; echo %s > {{output}}/sub/f; echo log > {{output}}/log; exit %d']
    outputs:
    - dataset:
        name: runs
        path: sub
        labels: {by: "{{workflow_id}}"}
        metadata: {day: 7, of: ["{{workflow_id}}"]}
    - dataset: {name: logs, regex: log}
"""
USE = """\
workflow:
  name: use
  tasks:
  - name: use
    image: ubuntu:24.04
    command: [sh, -c]
    args: ['cat {{input:0}}/f {{input:1}}/f; ls {{input:1}}']
    inputs:
    - dataset: {name: "runs:1"}
    - dataset: {name: runs}
"""
Write = Callable[[str], str]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the gateway keeps its things."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path / "argosmo"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a spec, and says where."""

    def written(text: str) -> str:
        path = tmp_path / "spec.yaml"
        path.write_text(text)
        return str(path)

    return written


@pytest.fixture
def store(data: Path) -> Iterator[SqlStore]:
    """The gateway's database."""
    data.mkdir()
    opened = open_store(f"sqlite:///{data}/argosmo.db")
    yield opened
    opened.close()


def version(store: SqlStore, text: str) -> VersionRecord:
    """A version."""
    with store.reading() as reads:
        found = reads.dataset_version(dataset_reference(text))
    assert found is not None
    return found


def all_versions(store: SqlStore) -> list[str]:
    """All versions."""
    with store.reading() as reads:
        return [f"{one.dataset}:{one.version}" for one in reads.dataset_versions(VersionFilter(), ("", 0), 100)]


def test_made_by_one_and_used_by_another(
    data: Path, store: SqlStore, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    """'resolved and pinned at submission'; 'linked to workflow, task, attempt'."""
    assert main(["run", write(MAKE % ("one", 0))]) == 0
    assert main(["run", write(MAKE % ("two", 0))]) == 0
    assert all_versions(store) == ["logs:1", "logs:2", "runs:1", "runs:2"]
    made = version(store, "runs:1")
    assert (made.files, made.size, made.labels) == (1, 4, {"by": "make-1"})
    assert made.metadata == {"day": 7, "of": ["make-1"]}
    assert made.location == f"file://{data}/datasets"
    assert made.made_by is not None
    assert (made.made_by.workflow_id, made.made_by.task, made.made_by.retry_id, made.made_by.output) == (
        "make-1",
        "make",
        0,
        0,
    )
    manifest = DatasetClient(made.location).manifest(made.manifest)
    assert [file.path for file in manifest.files] == ["f"]
    # Contents that versions share are there once.
    assert version(store, "logs:1").manifest == version(store, "logs:2").manifest
    assert len([path for path in (data / "datasets/blobs").rglob("*") if path.is_file()]) == 3
    capsys.readouterr()
    assert main(["run", write(USE)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line in ("[use] one", "[use] two", "[use] f")] == lines[-5:-2]


def test_a_failed_task_leaves_its_version(store: SqlStore, write: Write) -> None:
    """§6.3: outputs are uploaded whatever the exit code."""
    assert main(["run", write(MAKE % ("half", 3))]) == 1
    assert all_versions(store) == ["logs:1", "runs:1"]


def test_what_does_not_exist_is_refused_with_its_place(
    store: SqlStore, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    """'error with place if it does not exist'."""
    assert main(["run", write(USE)]) == 2
    output = capsys.readouterr()
    assert "spec.yaml:9:" in output.out + output.err
    assert "Dataset runs:1 does not exist." in output.out + output.err
    assert all_versions(store) == []


def test_translated_without_a_server(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """'secrets and owner uid as well-formed placeholders': so are versions."""
    assert main(["validate", write(USE), "-o", "json"]) == 0
    problems: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    assert [problem["code"] for problem in problems] == ["input-not-checked", "input-not-checked"]
    assert main(["translate", write(USE), "-o", "receipt"]) == 0
    assert "inputs[].dataset" in capsys.readouterr().out
