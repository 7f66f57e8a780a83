"""Large graphs: 1,000 tasks are admitted by Argo's full CRDs, and 200 pods of one workflow run to the end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

import pytest
import yaml

from gateway.runners.argo.capabilities import CrdKind, workflow_crds
from gateway.runners.argo.client import KubeClient
from tests.cluster.scene import IMAGE, NAMESPACE, ClusterScene, cluster_document, cluster_with_store
from tests.e2e.commands import server
from tests.unit.argo.plans import chain, fan, from_edges, plan, single, team
from translator.argo.target import ArgoTarget
from translator.argo.translation import translate
from translator.plan.model import Plan

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("large")]

_SEED = 4
_PATIENCE_SECONDS = 1800.0
_REQUEST = {"cpu": "120m", "memory": "48Mi"}
"""So that a node of two processors runs a dozen at a time, and is left alive for others."""


def _random_edges(size: int, density: float) -> Sequence[tuple[int, ...]]:
    random = Random(_SEED)
    return [tuple(above for above in range(node) if random.random() < density) for node in range(size)]


GRAPHS: dict[str, Callable[[], Plan]] = {
    "wide": lambda: fan(998),
    "long": lambda: chain(1000),
    "hundred chains": lambda: plan(*(single(f"t{n}", [f"t{n - 1}"] if n % 10 else []) for n in range(1000))),
    "random": lambda: from_edges(_random_edges(1000, 0.002)),
    "random and dense": lambda: from_edges(_random_edges(1000, 0.01)),
    "groups": lambda: plan(
        *(
            team(f"g{n}", f"a{n}", f"b{n}", f"c{n}", f"d{n}", upstream=[f"g{n - 10}"] if n >= 10 else [])
            for n in range(250)
        )
    ),
}


@pytest.fixture(scope="module")
def kube() -> Iterator[KubeClient]:
    """A cluster whose API server looks at every field of a Workflow."""
    with cluster_with_store() as (_, client, _s3):
        if workflow_crds(client)[0] is not CrdKind.FULL:
            pytest.skip("the cluster has Argo's minimal CRDs, which admit everything")
        yield client


@pytest.mark.timeout(300)
@pytest.mark.parametrize("shape", GRAPHS)
def test_a_thousand_tasks_are_admitted(
    kube: KubeClient, shape: str, record_property: Callable[[str, object], None]
) -> None:
    """Design §5: 1,000-task chains, 1 → 1,000 → 1, 100 chains of 10 and random graphs, with every object of theirs."""
    made = GRAPHS[shape]()
    assert sum(len(group.tasks) for group in made.groups) == 1000
    translation = translate(made, ArgoTarget(namespace=NAMESPACE))
    began = time.monotonic()
    sizes = []
    for part in translation.parts:
        answer = json.loads(kube.create(_dry("argoproj.io/v1alpha1", "workflows"), part.workflow.body))
        assert answer["metadata"]["name"] == part.workflow.name
        sizes.append(len(part.workflow.body))
        for dependent in part.dependents:
            body = json.dumps(dependent.owned("00000000-0000-0000-0000-000000000000")).encode()
            kube.create(_dry(dependent.api_version, f"{dependent.kind.lower()}s"), body)
    record_property("bytes", sizes)
    record_property("seconds", round(time.monotonic() - began, 2))


def _dry(api_version: str, plural: str) -> str:
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    return f"{root}/namespaces/{NAMESPACE}/{plural}?dryRun=All&fieldValidation=Strict"


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterScene]:
    """A gateway whose pods ask for little."""
    home = tmp_path_factory.mktemp("large")
    with cluster_with_store() as (kubeconfig, client, s3):
        document = cluster_document(kubeconfig, s3)
        container = {"name": "{{USER_CONTAINER_NAME}}", "resources": {"requests": _REQUEST}}
        document["pod_templates"]["small"] = {"spec": {"containers": [container]}}
        document["pools"]["default"]["common_pod_template"].append("small")
        config = home / "config"
        config.mkdir()
        (config / "cluster.yaml").write_text(yaml.safe_dump(document))
        with server(home / "data", "--config", config) as gateway:
            yield ClusterScene(client=gateway, kube=client, s3=s3, patience_seconds=_PATIENCE_SECONDS)


@pytest.mark.timeout(2 * _PATIENCE_SECONDS)
def test_two_hundred_pods(scene: ClusterScene, record_property: Callable[[str, object], None]) -> None:
    """One task, 90 side by side and ten chains of six beneath it, a random graph of 48, one task that ends it all."""
    tasks = list(_two_hundred())
    assert len(tasks) == 200
    began = time.monotonic()
    workflow = scene.submit(tasks)
    found = scene.end(workflow)
    record_property("seconds", round(time.monotonic() - began))
    rows = [row for group in found["groups"] for row in group["tasks"]]
    failed = [row for row in rows if (row["status"], row["exit_code"], row["retry_id"]) != ("COMPLETED", 0, 0)]
    assert (found["status"], len(rows), failed) == ("COMPLETED", 200, [])
    assert len({row["pod_name"] for row in rows}) == 200
    own = sorted(line for line in scene.log(workflow) if "] I am " in line)
    assert own == sorted(f"[{task['name']}] I am {task['name']}" for task in tasks)
    ends = {row["name"]: row["end_time"] for row in rows}
    starts = {row["name"]: row["start_time"] for row in rows}
    early = [
        (task["name"], above["task"])
        for task in tasks
        for above in task.get("inputs", ())
        if starts[task["name"]] < ends[above["task"]]
    ]
    assert early == []
    scene.until_gone(workflow)


def _two_hundred() -> Iterator[dict[str, Any]]:
    yield _task("begin")
    for number in range(90):
        yield _task(f"wide-{number}", "begin")
    for line in range(10):
        for number in range(6):
            yield _task(f"chain-{line}-{number}", f"chain-{line}-{number - 1}" if number else "begin")
    for number, above in enumerate(_random_edges(48, 0.06)):
        yield _task(f"random-{number}", *(f"random-{one}" for one in above))
    yield _task("end", "wide-0", "wide-89", *(f"chain-{line}-5" for line in range(10)), "random-47")


def _task(name: str, *above: str) -> dict[str, Any]:
    inputs = {"inputs": [{"task": one} for one in above]} if above else {}
    return {"name": name, "image": IMAGE, "command": ["echo"], "args": [f"I am {name}"], **inputs}
