"""`argosmo doctor`: exit codes, text and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.main import main
from tests.fakes.argo_cluster import CONFIG, CRDS, ArgoCluster, argo_cluster
from tests.fakes.kube import fake_kube


@pytest.fixture
def cluster() -> Iterator[ArgoCluster]:
    with fake_kube() as kube:
        yield argo_cluster(kube)


@pytest.fixture
def config(cluster: ArgoCluster, tmp_path: Path) -> Path:
    directory = tmp_path / "config"
    directory.mkdir()
    (directory / "a.yaml").write_text(CONFIG.replace("http://127.0.0.1:1", cluster.kube.url))
    return directory


def doctor(config: Path, *more: str) -> int:
    data = config.parent / "data"
    return main(["doctor", "--config", str(config), "--data-dir", str(data), "--port", "0", *more])


def test_all_is_well(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor(config) == 0
    out = capsys.readouterr().out
    assert out.startswith("This machine\n")
    assert "\nBackend edge\n" in out
    assert out.endswith("\nEverything is as it should be.\n")


def test_a_problem_ends_with_1_and_says_what_to_do(
    cluster: ArgoCluster, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.kube.drop(CRDS, "workflows.argoproj.io")
    assert doctor(config, "--backend", "edge") == 1
    out = capsys.readouterr().out
    assert "This machine" not in out
    assert "problem  argo-crds" in out
    assert "→ `kubectl apply --server-side -k deploy/argo/install`." in out
    assert out.endswith("1 problem, 0 warnings.\n")


def test_json(cluster: ArgoCluster, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cluster.kube.drop(CRDS, "workflows.argoproj.io")
    assert doctor(config, "--format-type", "json") == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["problems"], report["warnings"]) == (1, 0)
    (told,) = [one for one in report["findings"] if one["level"] == "problem"]
    assert told.keys() == {"check", "level", "found", "advice", "backend"}
    assert (told["backend"], told["check"]) == ("edge", "argo-crds")


def test_an_unknown_backend_is_wrong_use(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor(config, "--backend", "moon") == 2
    assert "Expected one of edge" in capsys.readouterr().err


def test_a_configuration_that_cannot_be_read(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (config / "b.yaml").write_text("pools: {x: {backend: nowhere}}\n")
    assert doctor(config) == 1
    out = capsys.readouterr().out
    assert "problem  config" in out
    assert "b.yaml" in out
