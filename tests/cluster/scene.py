"""A gateway in front of the cluster of `$KUBECONFIG`, and an S3 server that its pods can reach.

`ARGOSMO_TEST_NAMESPACE` (default `argo`) is where Argo watches, `ARGOSMO_TEST_IMAGE` an image with bash that the nodes
have, `ARGOSMO_TEST_ADDRESS` an address of this machine that pods reach (default: that of a node that is this machine).
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from gateway.runners.argo.access import server_of
from gateway.runners.argo.client import KubeClient
from gateway.runners.argo.faults import AccessError, ClusterError
from pools.backend import ClusterAccess
from tests.e2e.commands import server
from tests.object_store import NoObjectStore, S3Server, s3_server

NAMESPACE = os.environ.get("ARGOSMO_TEST_NAMESPACE", "argo")
IMAGE = os.environ.get("ARGOSMO_TEST_IMAGE", "docker.io/library/ubuntu:24.04")
PATIENCE_SECONDS = 240.0
_KINDS = ("pods", "secrets", "services")
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/workflows.argoproj.io"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterScene:
    """A gateway with a cluster behind it. Shape: `client` speaks REST; `kube` the cluster's own API."""

    client: httpx.Client
    kube: KubeClient
    s3: S3Server
    patience_seconds: float = PATIENCE_SECONDS

    def submit(self, tasks: list[dict[str, Any]] | None = None, **workflow: Any) -> str:
        """Submit a workflow, of `tasks` alone or of whatever else; its id."""
        spec = {"name": "scene", **({"tasks": tasks} if tasks else {}), **workflow}
        text = yaml.safe_dump({"workflow": spec}, sort_keys=False, width=10_000)
        reply = self.client.post("/api/pool/default/workflow", json={"file": text})
        assert reply.status_code == 200, reply.text
        return str(reply.json()["name"])

    def end(self, workflow_id: str) -> dict[str, Any]:
        """The workflow when it has ended, attempts that were replaced included."""
        return self.until(workflow_id, lambda found: found["end_time"] is not None)

    def until(self, workflow_id: str, holds: Any) -> dict[str, Any]:
        """The workflow when something holds of it."""
        deadline = time.monotonic() + self.patience_seconds
        while True:
            reply = self.client.get(f"/api/workflow/{workflow_id}", params={"verbose": "True"})
            found: dict[str, Any] = reply.json()
            if holds(found):
                return found
            assert time.monotonic() < deadline, json.dumps(found, indent=1)
            time.sleep(0.2)

    def until_gone(self, workflow_id: str) -> None:
        """Return when no object of the workflow is left on the cluster."""
        uuid = self.client.get(f"/api/workflow/{workflow_id}").json()["uuid"]
        deadline = time.monotonic() + self.patience_seconds
        for path in (f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/workflows", *map(_core, _KINDS)):
            while True:
                left = json.loads(self.kube.get(path, {"labelSelector": f"osmo.workflow_uuid={uuid}"}))["items"]
                if not left:
                    break
                assert time.monotonic() < deadline, [one["metadata"]["name"] for one in left]
                time.sleep(0.2)

    def log(self, workflow_id: str, task: str = "") -> list[str]:
        """The lines of a workflow's log, without their times; of one task where one is named."""
        text = self.client.get(f"/api/workflow/{workflow_id}/logs", timeout=60).text
        lines = [line.split(" ", 2)[-1] for line in text.splitlines()]
        return [line for line in lines if line.startswith((f"[{task}]", f"[{task} "))] if task else lines


@contextmanager
def cluster_with_store() -> Iterator[tuple[str, KubeClient, S3Server]]:
    """The path of `$KUBECONFIG`, a client of its cluster, and an S3 server that its pods reach.

    Skips, with the reason, where there is no such cluster.
    """
    kubeconfig = os.environ.get("KUBECONFIG")
    if not kubeconfig:
        pytest.skip("KUBECONFIG is not set: no cluster to run on")
    kube = reached(kubeconfig)
    try:
        with s3_server(address(kube)) as s3:
            yield kubeconfig, kube, s3
    except NoObjectStore as reason:
        pytest.skip(f"no S3 server: {reason}")
    finally:
        kube.close()


@contextmanager
def cluster_scene(home: Path) -> Iterator[ClusterScene]:
    """A running gateway on an empty data directory. Skips, with the reason, where there is no such cluster."""
    with cluster_with_store() as (kubeconfig, kube, s3):
        config = home / "config"
        config.mkdir()
        (config / "cluster.yaml").write_text(yaml.safe_dump(cluster_document(kubeconfig, s3)))
        with server(home / "data", "--config", config) as client:
            yield ClusterScene(client=client, kube=kube, s3=s3)


def attempts(found: dict[str, Any], task: str) -> list[tuple[str, int | None]]:
    """Status and exit code of each attempt of a task, in order."""
    rows = [row for group in found["groups"] for row in group["tasks"] if row["name"] == task]
    return [(row["status"], row["exit_code"]) for row in sorted(rows, key=lambda row: int(row["retry_id"]))]


def reached(kubeconfig: str) -> KubeClient:
    """A client of the cluster. Skips where it cannot be reached, or has no Argo Workflows."""
    try:
        kube = KubeClient(server_of(ClusterAccess(kubeconfig=kubeconfig)))
        kube.get(_CRDS)
    except (AccessError, ClusterError) as error:
        pytest.skip(f"no Argo Workflows on the cluster of {kubeconfig}: {error}")
    return kube


def address(kube: KubeClient) -> str:
    """An address of this machine that pods reach. Skips where none is known."""
    given = os.environ.get("ARGOSMO_TEST_ADDRESS")
    if given:
        return given
    for node in json.loads(kube.get("/api/v1/nodes"))["items"]:
        for entry in node["status"]["addresses"]:
            if entry["type"] == "InternalIP" and _is_ours(entry["address"]):
                return str(entry["address"])
    pytest.skip("pods cannot reach a server of this machine; set ARGOSMO_TEST_ADDRESS to an address that they can")


def _core(plural: str) -> str:
    return f"/api/v1/namespaces/{NAMESPACE}/{plural}"


def _is_ours(address: str) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
        return True


def cluster_document(kubeconfig: str, s3: S3Server) -> dict[str, Any]:
    """The configuration of a gateway that runs everything on the cluster, with its data in the S3 server."""
    key = s3.credential()
    credential = {
        "endpoint": f"s3://{s3.bucket}/workflows",
        "region": "us-east-1",
        "override_url": key.override_url,
        "addressing_style": key.addressing_style,
        "access_key_id": key.access_key_id,
        "access_key": key.access_key,
    }
    # What a node was given by import, no registry has.
    local_image = {"spec": {"containers": [{"name": "{{USER_CONTAINER_NAME}}", "imagePullPolicy": "IfNotPresent"}]}}
    # An identity of the pod, for locations to which the user has no key.
    identity = {
        "AWS_ENDPOINT_URL": s3.url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": key.access_key,
    }
    environment = [{"name": name, "value": value} for name, value in identity.items()]
    ambient = {"spec": {"containers": [{"name": "osmo-ctrl", "env": environment}]}}
    return {
        "backends": {"cluster": {"cluster": {"kubeconfig": kubeconfig}, "namespace": NAMESPACE}},
        "pod_templates": {"local_image": local_image, "ambient": ambient},
        "pools": {
            "default": {
                "backend": "cluster",
                "default_platform": "default",
                "common_pod_template": ["local_image", "ambient"],
                "platforms": {"default": {}},
            }
        },
        "workflow": {"workflow_data": {"credential": credential}, "max_retry_per_task": 3},
    }
