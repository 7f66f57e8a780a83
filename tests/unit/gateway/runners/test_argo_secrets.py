"""What goes into the Secrets of a run: what its owner has stored for it, and nothing else."""

from __future__ import annotations

import base64
import json

from engine.ports import RegistryLogin, Run, Secret
from gateway.runners.argo.registries import docker_config
from gateway.runners.argo.secrets import TokenKey, secrets_of, texts_to_mask
from gateway.runners.argo.settings import ArgoBackend
from storage.credentials import DataCredential, user_keys
from storage.urls import parse_location
from tests.workplace import group, plan

DATA = DataCredential(endpoint="s3://bucket", access_key_id="AK", access_key="data-secret")


def login(scope: str, name: str = "u") -> RegistryLogin:
    return RegistryLogin(scope=scope, username=name, password=Secret("registry-secret"))


def test_logins_as_the_kubelet_reads_them() -> None:
    made = docker_config(
        [login("nvcr.io/nvidia"), login("registry-1.docker.io"), login("nvcr.io"), login("nvcr.io", "x")]
    )
    assert made is not None
    auths = json.loads(made.reveal())["auths"]
    assert set(auths) == {"nvcr.io/nvidia", "nvcr.io", "https://index.docker.io/v1/"}
    assert base64.b64decode(auths["nvcr.io"]["auth"]) == b"u:registry-secret"
    assert docker_config([]) is None


def test_a_run_gets_its_owners_keys_and_the_services_login() -> None:
    run = Run(
        plan=plan(group("a")),
        credentials={"c": {"k": Secret("generic-secret")}},
        data_keys={"s3://bucket": DATA},
        registries=(login("nvcr.io", "own"),),
    )
    backend = ArgoBackend(name="b", registry=login("nvcr.io", "shared"))
    made = secrets_of(run, backend, TokenKey(None))
    assert made.user_storage is not None
    assert user_keys(made.user_storage.reveal().encode()).credential(parse_location("s3://bucket/x")) == DATA
    assert made.registry is not None
    # The first one counts.
    assert json.loads(made.registry.reveal())["auths"]["nvcr.io"]["username"] == "own"
    assert {"generic-secret", "data-secret", "registry-secret"} <= set(texts_to_mask(run, made))
    assert "secret" not in repr(run).lower().replace("secret('[masked]')", "")


def test_a_run_without_secrets_has_none() -> None:
    made = secrets_of(Run(plan=plan(group("a"))), ArgoBackend(name="b"), TokenKey(None))
    assert (made.user_storage, made.registry, dict(made.credentials)) == (None, None, {})
