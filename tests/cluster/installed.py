"""`deploy/argo/base` in a namespace of its own on the cluster of `$KUBECONFIG`, gone with all it made afterwards."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.runners.argo.access import server_of
from gateway.runners.argo.client import KubeClient
from gateway.runners.argo.doctor import backend_findings
from gateway.runners.argo.faults import AccessError, ClusterError
from gateway.services.doctor_findings import Finding
from pools.backend import ClusterAccess
from pools.config import parse_config

DEPLOY = Path(__file__).parents[2] / "deploy" / "argo"
PATIENCE_SECONDS = 60.0
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A namespace with the gateway's accounts. Shape: `admin` speaks as who `$KUBECONFIG` says; `home` for files."""

    namespace: str
    admin: KubeClient
    kubeconfig: str
    home: Path

    def token_file(self, account: str) -> str:
        """A file with a fresh token of an account."""
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
        path = f"/api/v1/namespaces/{self.namespace}/serviceaccounts/{account}/token"
        answer = json.loads(self.admin.create(path, json.dumps(body).encode()))
        file = self.home / f"{account}.token"
        file.write_text(answer["status"]["token"])
        return str(file)

    def cluster(self, account: str = "argosmo-gateway") -> Json:
        """How a backend reaches the cluster as an account."""
        named = yaml.safe_load(Path(self.kubeconfig).read_text())["clusters"][0]["cluster"]
        ca_file = self.home / "ca.crt"
        ca_file.write_bytes(base64.b64decode(named["certificate-authority-data"]))
        return {"server": named["server"], "ca_file": str(ca_file), "token_file": self.token_file(account)}

    def findings(self, backend: Mapping[str, object] | None = None, **sections: object) -> list[Finding]:
        """What doctor says of the backend, as configured or with other fields."""
        fields = {
            "cluster": self.cluster(),
            "namespace": self.namespace,
            "service_account": "argosmo-task",
            "executor_service_account": "argosmo-executor",
            **(backend or {}),
        }
        pools = {"default": {"backend": "edge", "default_platform": "cpu", "platforms": {"cpu": {}}}}
        text = yaml.safe_dump({"backends": {"edge": fields}, "pools": pools, **sections})
        config = parse_config({"config.yaml": text.encode()})
        return list(backend_findings("edge", config.backends["edge"], config))

    def path(self, plural: str, group: str = "", version: str = "v1") -> str:
        """The path of a collection in the namespace."""
        root = f"/apis/{group}/{version}" if group else f"/api/{version}"
        return f"{root}/namespaces/{self.namespace}/{plural}"

    @contextmanager
    def with_object(self, path: str, body: Json) -> Iterator[None]:
        """An object that is there for a while."""
        self.admin.create(path, json.dumps(body).encode())
        try:
            yield
        finally:
            self.admin.delete(f"{path}/{body['metadata']['name']}")

    @contextmanager
    def without_object(self, path: str, name: str) -> Iterator[None]:
        """An object that is gone for a while."""
        found = json.loads(self.admin.get(f"{path}/{name}"))
        self.admin.delete(f"{path}/{name}")
        try:
            yield
        finally:
            kept = {key: found["metadata"][key] for key in ("name", "labels") if key in found["metadata"]}
            body = {key: value for key, value in found.items() if key not in ("metadata", "status")}
            self.admin.create(path, json.dumps({**body, "metadata": kept}).encode())

    def until_gone_wrong(self, check: str, **given: Any) -> list[Finding]:
        """What doctor says once it says something other than ok of a check; the server may need a moment to act."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            found = self.findings(**given)
            if any(one.check == check and one.level != "ok" for one in found) or time.monotonic() > deadline:
                return found
            time.sleep(0.5)


@contextmanager
def installed(home: Path) -> Iterator[Installed]:
    """A fresh namespace with `deploy/argo/base`; skips where there is no cluster, no kubectl or no right to make it."""
    kubeconfig, kubectl = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0], shutil.which("kubectl")
    if not kubeconfig or kubectl is None:
        pytest.skip("needs KUBECONFIG and kubectl")
    try:
        admin = KubeClient(server_of(ClusterAccess(kubeconfig=kubeconfig)))
        admin.get("/version")
    except (AccessError, ClusterError) as error:
        pytest.skip(f"the cluster of KUBECONFIG does not answer: {error}")
    namespace = f"argosmo-test-{uuid.uuid4().hex[:8]}"
    shutil.copytree(DEPLOY, home / "argo")
    (home / "overlay").mkdir()
    # Names of the cluster's own objects too, so that what is installed there for good stays as it is.
    (home / "overlay" / "kustomization.yaml").write_text(
        f"""\
namespace: {namespace}
resources: [../argo/base]
patches:
  - target: {{kind: ClusterRole, name: argosmo-gateway}}
    patch: '[{{"op": "replace", "path": "/metadata/name", "value": "{namespace}"}}]'
    options: {{allowNameChange: true}}
  - target: {{kind: ClusterRoleBinding, name: argosmo-gateway}}
    patch: '[{{"op": "replace", "path": "/metadata/name", "value": "{namespace}"}}]'
    options: {{allowNameChange: true}}
"""
    )
    words = [kubectl, "--kubeconfig", kubeconfig]
    subprocess.run([*words, "apply", "-k", str(home / "overlay")], check=True, capture_output=True, timeout=120)
    try:
        yield Installed(namespace=namespace, admin=admin, kubeconfig=kubeconfig, home=home)
    finally:
        for kind in (f"clusterrole/{namespace}", f"clusterrolebinding/{namespace}", f"namespace/{namespace}"):
            subprocess.run([*words, "delete", kind, "--wait=false"], check=False, capture_output=True, timeout=60)
        admin.close()
