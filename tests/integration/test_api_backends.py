"""Backends and their nodes over REST, with a cluster's API server that is a fake: api.md §2.6, §2.13, §8.3."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from gateway.log_setup import set_up_logging
from gateway.main import build, create_app
from gateway.settings import LogFormat, LogLevel, settings_from
from tests.fakes.argo_cluster import CONFIG, NODES, ArgoCluster, argo_cluster, node
from tests.fakes.kube import fake_kube
from tests.integration.api_support import BASE


@pytest.fixture
def around() -> Iterator[ArgoCluster]:
    with fake_kube() as kube:
        yield argo_cluster(kube)


@pytest.fixture
def client(around: ArgoCluster, tmp_path: Path) -> Iterator[TestClient]:
    set_up_logging(LogLevel.ERROR, LogFormat.TEXT)
    config = tmp_path / "config"
    config.mkdir()
    text = CONFIG.replace("http://127.0.0.1:1", around.kube.url).replace(
        "  edge:\n", "  edge:\n    description: at the edge\n    argo_ui_url: https://argo.example\n"
    )
    (config / "a.yaml").write_text(text + "nodes: [{name: planned, allocatable: {cpu: '99'}}]\n")
    gateway = build(settings_from({}, {"data_dir": tmp_path / "data", "config": config}))
    gateway.start()
    try:
        with TestClient(create_app(gateway), base_url=BASE) as client:
            yield client
    finally:
        gateway.stop()


def until(ask: Callable[[], Any], is_so: Callable[[Any], bool], seconds: float = 15.0) -> Any:
    deadline = time.monotonic() + seconds
    while not is_so(found := ask()):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


def test_a_backend_is_shown_as_it_is_now(client: TestClient) -> None:
    (found,) = until(
        lambda: client.get("/api/argosmo/v1/backend").json()["backends"],
        lambda rows: rows[0]["online"] and rows[0]["version"],
    )
    assert found.pop("last_heartbeat")
    assert found == {
        "name": "edge",
        "description": "at the edge",
        "online": True,
        "runs_on": "argo",
        "namespace": "argo",
        "version": "4.1.2",
        "kubernetes": "1.34.4",
        "cluster_uid": "uid-of-kube-system",
        "capabilities": ["full-crds"],
        "nodes": 1,
        "nodes_available": 1,
        "argo_ui_url": "https://argo.example",
    }


def test_osmo_s_shape_has_no_null(client: TestClient) -> None:
    """api.md §8.3: "All fields present in replies, none null"."""
    found = until(lambda: client.get("/api/configs/backend/edge").json(), lambda one: one["online"] and one["k8s_uid"])
    assert None not in found.values()
    assert (found["name"], found["description"], found["k8s_namespace"]) == ("edge", "at the edge", "argo")
    assert found["scheduler_settings"] == {
        "scheduler_type": "default",
        "scheduler_name": "",
        "scheduler_timeout": 30,
    }
    assert found["node_conditions"] == {"rules": {"Ready": "True"}, "prefix": "osmo.nvidia.com/"}
    assert client.get("/api/configs/backend").json().keys() == {"backends"}


def test_an_unknown_backend_is_refused(client: TestClient) -> None:
    reply = client.get("/api/configs/backend/moon")
    assert reply.status_code == 400
    assert "moon" in reply.json()["message"]


def test_the_cluster_s_nodes_replace_the_inventory(around: ArgoCluster, client: TestClient) -> None:
    def hosts() -> list[str]:
        found = client.get("/api/resources", params={"all_pools": True}).json()["resources"]
        return [one["hostname"] for one in found]

    until(hosts, lambda found: found == ["node-1"])
    around.kube.put(NODES, node("node-2"))
    until(hosts, lambda found: found == ["node-1", "node-2"])
    around.change(NODES, "node-1", lambda found: found["spec"].update(unschedulable=True))
    # Only nodes marked available are listed (api.md §2.6).
    until(hosts, lambda found: found == ["node-2"])


def test_all_nodes_are_shown_with_what_keeps_them_from_work(around: ArgoCluster, client: TestClient) -> None:
    def nodes() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = client.get("/api/argosmo/v1/backend/edge/nodes").json()["nodes"]
        return found

    taint = {"key": "robots", "value": "only", "effect": "NoSchedule"}
    around.kube.put(NODES, {**node("node-2", kind="arm"), "spec": {"unschedulable": True, "taints": [taint]}})
    first, second = until(nodes, lambda found: len(found) == 2)
    assert (first["available"], first["platforms"]) == (True, ["default/cpu"])
    assert first["allocatable"] == {"cpu": 8, "gpu": 2, "memory_bytes": 32 * 2**30, "storage_bytes": 100 * 2**30}
    assert first["capacity"]["memory_bytes"] == 33 * 2**30
    assert (second["available"], second["unschedulable"], second["platforms"]) == (False, True, [])
    assert second["taints"] == [taint]
    assert second["labels"]["kind"] == "arm"
    assert second["conditions"] == {"MemoryPressure": "False", "Ready": "True"}


def test_the_nodes_of_an_unknown_backend_are_refused(client: TestClient) -> None:
    assert client.get("/api/argosmo/v1/backend/moon/nodes").status_code == 400


def test_pools_of_a_backend_that_answers_are_online(client: TestClient) -> None:
    until(lambda: client.get("/api/pool").json()["pools"]["default"]["status"], lambda status: status == "ONLINE")
