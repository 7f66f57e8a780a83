"""Every scenario that the local engine passes, on the cluster and here: the same outcome."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from fastapi.testclient import TestClient

from gateway.main import build, create_app
from gateway.settings import Settings
from tests.cluster.scene import IMAGE, cluster_document, cluster_with_store
from tests.e2e.drive import USER, Outcome, Play
from tests.e2e.scenario import Scenario, scenarios
from tests.e2e.shelves import Shelves
from tests.e2e.test_scenarios import gateway_for, places_here
from tests.object_store import S3Server

PATIENCE_SECONDS = 240.0
# What is true of one machine only.
ONE_MACHINE = {
    "queue timeout only in SCHEDULING": "a request beyond the machine runs alone there; on a cluster it never does",
    "datasets of this machine": "pods do not see directories of the gateway",
}
# Pods ask for what their tasks ask for: more than any node has. In all other cases nobody waits for a processor.
QUEUED = {"cancel while queued"}
OTHER_LINES = {
    "standard error is logged too": "the order of lines of two streams is nobody's promise",
    "the owner's key opens the store": "it shows its environment, in which a pod finds its cluster too",
    "command cannot be started": "why it cannot is said in a line of ours there, in one beside the program's in a pod",
}
"""Where what the programs wrote is not compared line by line, and why."""
CASES = [case for case in scenarios() if "local" in case.runners]

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def store() -> Iterator[S3Server]:
    """An S3 server that pods reach; skips where there is no such cluster."""
    with cluster_with_store() as (_, _, running):
        yield running


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_scenario(
    store: S3Server, case: Scenario, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Design §8: 'exactly as the cluster does (one conformance suite for both)'."""
    if case.name in ONE_MACHINE:
        pytest.skip(ONE_MACHINE[case.name])
    there, here = tmp_path / "there", tmp_path / "here"
    here.mkdir()
    shelves = Shelves(store)
    with gateway_for("local", case, here) as (client, _):
        local = Play(client, case, shelves=shelves)
        local.run(places_here(case, here, shelves))
    record_property("local", _shown(local.outcomes))
    data = shelves.place(there, on_s3=True)
    with _gateway(store, case, there, data) as client:
        remote = Play(client, case, patience_seconds=PATIENCE_SECONDS, pause_seconds=0.2, shelves=shelves)
        try:
            shared = shelves.place(there, on_s3=True)
            remote.run({"SHARED": shared, "DATA": data, "IMAGE": IMAGE, **case.paced(slow=True)})
        finally:
            record_property("cluster", _shown(remote.outcomes))
    if case.name not in OTHER_LINES:
        assert local.lines == remote.lines


@contextmanager
def _gateway(store: S3Server, case: Scenario, directory: Path, data: str) -> Iterator[TestClient]:
    config = directory / "config"
    config.mkdir(parents=True)
    document = cluster_document(os.environ["KUBECONFIG"], store)
    document["workflow"]["workflow_data"]["credential"]["endpoint"] = data
    document["workflow"].update({"max_num_tasks": 5000, **case.settings})
    document["pools"]["default"].update(case.pool)
    if case.name in QUEUED:
        asking = {"name": "{{USER_CONTAINER_NAME}}", "resources": {"requests": {"cpu": "{{USER_CPU}}"}}}
        document["pod_templates"]["asking"] = {"spec": {"containers": [asking]}}
        document["pools"]["default"]["common_pod_template"].append("asking")
    (config / "cluster.yaml").write_text(yaml.safe_dump(document))
    gateway = build(Settings(data_dir=directory / "data", config=config, port=0))
    try:
        gateway.start()
        with TestClient(create_app(gateway), headers={"x-osmo-user": USER}, base_url="http://127.0.0.1") as client:
            yield client
    finally:
        gateway.stop()


def _shown(outcomes: list[Outcome]) -> str:
    return "; ".join(
        f"{status} " + ", ".join(f"{task} {' '.join(f'{s}/{c}' for s, c in tries)}" for task, tries in tasks.items())
        for status, tasks in outcomes
    )
