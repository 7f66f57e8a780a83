"""`argosmo backend`: list from a server; add and test without one."""

from __future__ import annotations

import io
import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cli.main import main
from pools.config import parse_config
from tests.fakes.argo_cluster import ACCOUNTS, PRIORITIES, ArgoCluster, argo_cluster
from tests.fakes.kube import fake_kube
from tests.unit.cli.gateway_stub import GatewayStub


@pytest.fixture
def cluster() -> Iterator[ArgoCluster]:
    with fake_kube() as kube:
        yield argo_cluster(kube)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    directory = tmp_path / "config"
    directory.mkdir()
    return directory


def add(config: Path, cluster: ArgoCluster, *more: str, name: str = "edge") -> int:
    return main(["backend", "add", name, "--config", str(config), "--server", cluster.kube.url, *more])


def written(config: Path, name: str = "edge") -> dict[str, object]:
    found = yaml.safe_load((config / f"backend-{name}.yaml").read_text())
    backend: dict[str, object] = found["backends"][name]
    return backend


def test_list(gateway: GatewayStub, capsys: pytest.CaptureFixture[str]) -> None:
    near = {"name": "near", "online": True, "runs_on": "local engine", "nodes": 1, "nodes_available": 1}
    far = {"name": "far", "online": False, "runs_on": "argo", "version": "4.1.2", "capabilities": ["full-crds", "kai"]}
    gateway.on("GET /api/argosmo/v1/backend", {"backends": [far, near]})
    assert main(["backend", "list"]) == 0
    rows = [line.split("   ") for line in capsys.readouterr().out.splitlines()]
    assert [word.strip() for word in rows[2] if word.strip()] == [
        "far", "OFFLINE", "argo", "4.1.2", "-", "-", "full-crds, kai", "-",
    ]  # fmt: skip
    assert "1/1" in [word.strip() for word in rows[3]]


def test_nodes(gateway: GatewayStub, capsys: pytest.CaptureFixture[str]) -> None:
    has = {"cpu": 8, "gpu": 2, "memory_bytes": 32 * 2**30, "storage_bytes": 0}
    taint = {"key": "robots", "value": "only", "effect": "NoSchedule"}
    ready = {"name": "n1", "available": True, "allocatable": has, "taints": [taint], "platforms": ["default/cpu"]}
    ill = {"name": "n2", "available": False, "allocatable": has, "conditions": {"Ready": "Unknown"}}
    cordoned = {"name": "n3", "available": False, "unschedulable": True, "allocatable": has}
    gateway.on("GET /api/argosmo/v1/backend/far/nodes", {"nodes": [ready, ill, cordoned]})
    assert main(["backend", "nodes", "far"]) == 0
    lines = capsys.readouterr().out.splitlines()[2:]
    assert lines[0].split() == ["n1", "READY", "8", "32", "2", "robots=only:NoSchedule", "default/cpu"]
    assert lines[1].split()[:3] == ["n2", "NOT", "READY"]
    assert lines[2].split()[:2] == ["n3", "CORDONED"]


def test_nodes_that_are_not_known(gateway: GatewayStub, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.on("GET /api/argosmo/v1/backend/far/nodes", {"nodes": None})
    assert main(["backend", "nodes", "far"]) == 0
    assert "argosmo doctor" in capsys.readouterr().err


def test_add_writes_what_the_cluster_tells(
    cluster: ArgoCluster, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add(config, cluster, "--pool", "default", "--argo-ui-url", "https://argo.example") == 0
    assert written(config) == {
        "cluster": {"server": cluster.kube.url},
        "namespace": "argo",
        "argo_ui_url": "https://argo.example",
        "k8s_uid": "uid-of-kube-system",
        "service_account": "argosmo-task",
        "executor_service_account": "argosmo-executor",
    }
    found = parse_config({path.name: path.read_bytes() for path in config.glob("*.yaml")})
    assert found.pools["default"].backend == "edge"
    out = capsys.readouterr().out
    assert "Kubernetes 1.34.4" in out
    assert "Argo: 4.1.2, full CRDs" in out


def test_add_names_no_account_or_priority_that_is_not_there(cluster: ArgoCluster, config: Path) -> None:
    cluster.kube.drop(ACCOUNTS, "argosmo-task")
    cluster.kube.drop(PRIORITIES, "osmo-high")
    assert add(config, cluster, "--scheduler", "kai") == 0
    found = written(config)
    assert "service_account" not in found
    assert found["scheduler_settings"] == {"scheduler_type": "kai", "supports_priority": False}


def test_a_token_from_standard_input_is_kept_for_its_owner(
    cluster: ArgoCluster, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.kube.token = "kept-apart-from-config"
    monkeypatch.setattr("sys.stdin", io.StringIO("kept-apart-from-config\n"))
    assert add(config, cluster, "--token-file", "-") == 0
    token = config / "backend-edge.token"
    assert token.read_text() == "kept-apart-from-config\n"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert "kept-apart-from-config" not in (config / "backend-edge.yaml").read_text()


def test_add_does_not_replace_unasked(cluster: ArgoCluster, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert add(config, cluster) == 0
    assert add(config, cluster, "--description", "new") == 2
    assert "--force" in capsys.readouterr().err
    assert add(config, cluster, "--description", "new", "--force") == 0
    assert written(config)["description"] == "new"


def test_add_writes_nothing_for_a_cluster_that_does_not_answer(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["backend", "add", "edge", "--config", str(config), "--server", "http://127.0.0.1:9"]
    assert main(words) == 2
    assert "does not answer" in capsys.readouterr().err
    assert list(config.iterdir()) == []
    assert main([*words, "--force"]) == 0
    assert (config / "backend-edge.yaml").exists()


@pytest.mark.parametrize("name", ["../edge", "1st", "a b"])
def test_a_name_that_cannot_be_one(cluster: ArgoCluster, config: Path, name: str) -> None:
    assert add(config, cluster, name=name) == 2
    assert list(config.parent.rglob("backend-*")) == []


def test_a_configuration_that_would_be_wrong_is_not_written(
    cluster: ArgoCluster, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (config / "pools.yaml").write_text("pools: {p: {backend: elsewhere, platforms: {}}}\n")
    assert add(config, cluster) == 2
    assert "elsewhere" in capsys.readouterr().err
    assert not (config / "backend-edge.yaml").exists()


def test_test_looks_at_the_backend(cluster: ArgoCluster, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert add(config, cluster, "--pool", "default") == 0
    capsys.readouterr()
    words = ["backend", "test", "edge", "--config", str(config), "-t", "json"]
    assert main(words) == 0
    report = json.loads(capsys.readouterr().out)
    assert {one["backend"] for one in report["findings"]} == {"edge"}
    cluster.denied.add("create workflows")
    assert main(words) == 1


def test_test_of_an_unknown_backend(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backend", "test", "moon", "--config", str(config)]) == 2
    assert "moon" in capsys.readouterr().err


def test_a_run_on_the_local_engine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "config"
    config.mkdir()
    assert main(["backend", "test", "local", "--config", str(config), "--run", "-t", "json"]) == 0
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert [one["level"] for one in findings if one["check"] == "run"] == ["ok"]


def test_a_run_needs_a_pool(cluster: ArgoCluster, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert add(config, cluster) == 0
    assert main(["backend", "test", "edge", "--config", str(config), "--run"]) == 2
    assert "--pool" in capsys.readouterr().err
