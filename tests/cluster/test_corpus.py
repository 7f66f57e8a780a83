"""OSMO's tutorials on the cluster, with the same end as on the local engine; the files are read in place.

What stands in for what the cluster lacks: each image is the one that the nodes have, platforms are named as the files
name them and ask for no hardware, and a ConfigMap on PATH has a shorter `sleep`, an `nc`, an `nvidia-smi` and an
`apt-get` (what it is to install is there). Buckets are those of the tests' own S3 server. Nothing else is changed.
"""

from __future__ import annotations

import json
import os
import re
import stat
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from gateway.runners.argo.client import KubeClient
from tests.cluster.scene import IMAGE, NAMESPACE, PATIENCE_SECONDS, cluster_document, cluster_with_store
from tests.e2e.commands import server
from tests.e2e.test_corpus import CORPUS, FILES
from tests.e2e.test_corpus import TOOLS as LOCAL_TOOLS
from tests.object_store import S3Server

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.xdist_group("corpus"),
    pytest.mark.timeout(600),
    pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not at hand"),
]

PLATFORMS = ("default", "ovx-l40", "ovx-a40", "dgx-h100", "agx-orin-jp6")
CLUSTER_TOOLS = "/opt/corpus-tools"
TOOLS = {
    "nc": LOCAL_TOOLS["nc"],
    "apt-get": "#!/bin/sh\n",
    "nvidia-smi": "#!/bin/sh\necho stands in for a GPU\n",
    # Of what they sleep, this much is left: enough for others to be first that should be.
    "sleep": """#!/usr/bin/env python3
import sys, time
time.sleep(float(sys.argv[1]) / SHORTER)
""",
}
SHORTER = {"local": 100, "cluster": 12}
VARIABLES = {
    "data_filter.yaml": ("storage_url=s3://my-bucket",),
    "robot_simulation.yaml": ("max_epochs=2", "steps_per_epoch=4"),
}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BUCKET = "my-bucket"
_NO_STORE = "the local engine has no store for s3://"
NOT_HERE = {
    "data_download.yaml": _NO_STORE,
    "data_filter.yaml": _NO_STORE,
    "data_upload.yaml": _NO_STORE,
    "robot_simulation.yaml": "its tasks want ports 8000, 8080 and 9090, which this machine may not have free",
}
_EVERY_IMAGE = re.compile(r"(?m)^(\s*image: ).*$")


@contextmanager
def _local(home: Path) -> Iterator[tuple[httpx.Client, str]]:
    """A gateway with the local engine, and where its tasks find the tools."""
    # Tasks have a /tmp of their own, so a directory that they can see must lie elsewhere.
    with tempfile.TemporaryDirectory(prefix=".argosmo-test-", dir=Path.home()) as folder:
        for name, text in _tools("local").items():
            path = Path(folder, name)
            path.write_text(text)
            path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        document = {
            "backends": {"local": {"engine": "local"}},
            "pools": {"default": {"backend": "local", "strict": False, **_platforms()}},
        }
        with _served(home, document) as client:
            yield client, f"{folder}:{os.environ['PATH']}"


@contextmanager
def _cluster(home: Path, kubeconfig: str, kube: KubeClient, s3: S3Server) -> Iterator[tuple[httpx.Client, str]]:
    """A gateway with the cluster."""
    name = f"corpus-tools-{uuid.uuid4().hex[:8]}"
    path = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": _tools("cluster")}
    document = cluster_document(kubeconfig, s3)
    document["pod_templates"]["corpus"] = {
        "spec": {
            "containers": [
                {"name": "{{USER_CONTAINER_NAME}}", "volumeMounts": [{"name": "tools", "mountPath": CLUSTER_TOOLS}]}
            ],
            "volumes": [{"name": "tools", "configMap": {"name": name, "defaultMode": 0o755}}],
        }
    }
    pool = document["pools"]["default"]
    pool.update(_platforms())
    pool["common_pod_template"].append("corpus")
    kube.create(path, json.dumps(body).encode())
    try:
        with _served(home, document) as client:
            yield client, f"{CLUSTER_TOOLS}:{PATH}"
    finally:
        kube.delete(f"{path}/{name}")


@contextmanager
def _served(home: Path, document: dict[str, Any]) -> Iterator[httpx.Client]:
    config = home / "config"
    config.mkdir(parents=True)
    (config / "corpus.yaml").write_text(yaml.safe_dump(document))
    with server(home / "data", "--config", config) as client:
        yield client


@pytest.fixture(scope="module")
def gateways(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, tuple[httpx.Client, str]]]:
    """A gateway with the local engine and one with the cluster, and a bucket that both read and write."""
    home = tmp_path_factory.mktemp("corpus")
    with cluster_with_store() as (kubeconfig, kube, s3):
        s3.client().create_bucket(Bucket=BUCKET)
        for key in ("data/a.txt", "source-data/b.txt", "source-data/c.bin"):
            s3.client().put_object(Bucket=BUCKET, Key=key, Body=b"some data")
        with _local(home / "here") as here, _cluster(home / "there", kubeconfig, kube, s3) as there:
            yield {"local": here, "cluster": there}


@pytest.mark.parametrize("name", FILES)
def test_the_same_on_the_cluster(
    gateways: dict[str, tuple[httpx.Client, str]], name: str, record_property: Callable[[str, object], None]
) -> None:
    """Design §8: 'exactly as the cluster does'."""
    ends: dict[str, dict[str, Any]] = {}
    for where, (client, path) in gateways.items():
        if where == "local" and name in NOT_HERE:
            record_property(where, f"not run: {NOT_HERE[name]}")
            continue
        ends[where], log = _played(client, name, path)
        record_property(where, _shown(ends[where]))
        assert ends[where]["status"] == "COMPLETED", (where, log)
    assert ends.get("local", ends["cluster"]) == ends["cluster"]


def _played(client: httpx.Client, name: str, path: str) -> tuple[dict[str, Any], str]:
    """How a file of the corpus ended, and its log."""
    body = {
        # The local engine has no images.
        "file": _EVERY_IMAGE.sub(rf"\1{IMAGE}", (CORPUS / name).read_text()),
        "set_variables": list(VARIABLES.get(name, ())),
        "set_string_variables": [],
    }
    reply = client.post("/api/pool/default/workflow", params={"env_vars": f"PATH={path}"}, json=body)
    assert reply.status_code == 200, reply.text
    workflow = reply.json()["name"]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = client.get(f"/api/workflow/{workflow}", params={"verbose": "True"}).json()
        if found["end_time"] is not None:
            break
        assert time.monotonic() < deadline, json.dumps(found, indent=1)
        time.sleep(0.2)
    log = client.get(f"/api/workflow/{workflow}/logs", timeout=PATIENCE_SECONDS).text
    return _end(found), log


def _end(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "status": found["status"],
        "groups": {group["name"]: group["status"] for group in found["groups"]},
        # Whether a helper ends by itself or is ended with its lead depends on the machine; its status does not.
        "tasks": {
            f"{task['name']} {task['retry_id']}": task["status"] for group in found["groups"] for task in group["tasks"]
        },
    }


def _shown(end: dict[str, Any]) -> str:
    return f"{end['status']} " + ", ".join(f"{task} {status}" for task, status in end["tasks"].items())


def _platforms() -> dict[str, Any]:
    return {"default_platform": "default", "platforms": {name: {} for name in PLATFORMS}}


def _tools(where: str) -> dict[str, str]:
    return {name: text.replace("SHORTER", str(SHORTER[where])) for name, text in TOOLS.items()}
