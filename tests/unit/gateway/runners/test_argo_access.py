"""Kubeconfigs, tokens, and what the answers of an API server mean."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.ports.surroundings import Surroundings
from gateway.runners.argo import argo_runner
from gateway.runners.argo.access import Server, server_of
from gateway.runners.argo.client import KubeClient, fault_of
from gateway.runners.argo.credentials import FileToken
from gateway.runners.argo.faults import AccessError, ClusterError, Conflict, Expired, NotThere, Refused, TryAgain
from gateway.runners.argo.secrets import TokenKey
from pools.backend import Backend, ClusterAccess
from pools.workflow import WorkflowConfig
from tests.fakes.kube import PODS, fake_kube
from translator.plan.model import WorkflowUuid


def kubeconfig(home: Path, user: dict[str, Any], **cluster: Any) -> ClusterAccess:
    document = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1/", **cluster}}],
        "users": [{"name": "u", "user": user}],
    }
    path = home / "config"
    path.write_text(yaml.safe_dump(document))
    return ClusterAccess(kubeconfig=str(path))


def test_a_kubeconfig_names_server_and_token(tmp_path: Path) -> None:
    server = server_of(kubeconfig(tmp_path, {"token": "t-1"}))
    assert (server.url, server.token.current(), server.tls) == ("http://127.0.0.1:1", "t-1", None)
    assert "t-1" not in repr(server)


def test_a_token_file_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("one\n")
    server = server_of(kubeconfig(tmp_path, {"tokenFile": "token"}))
    assert server.token.current() == "one"
    (tmp_path / "token").write_text("two\n")
    assert server.token.current() == "one"
    server.token.renew()
    assert server.token.current() == "two"


def test_a_credential_plugin_is_asked_until_its_token_expires(tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    plugin.write_text(
        '#!/bin/sh\necho x >> "$0.calls"\n'
        'echo "{\\"status\\": {\\"token\\": \\"$WORD\\", \\"expirationTimestamp\\": \\"$UNTIL\\"}}"\n'
    )
    plugin.chmod(plugin.stat().st_mode | stat.S_IEXEC)
    for until, calls in (("2099-01-01T00:00:00Z", 1), ("2001-01-01T00:00:00Z", 3)):
        environment = [{"name": "WORD", "value": "secret"}, {"name": "UNTIL", "value": until}]
        server = server_of(kubeconfig(tmp_path, {"exec": {"command": "./plugin", "env": environment}}))
        assert [server.token.current() for _ in range(2)] == ["secret", "secret"]
        assert len((tmp_path / "plugin.calls").read_text().splitlines()) == calls


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda home: kubeconfig(home, {"auth-provider": {"name": "old"}}), "auth-provider"),
        (lambda home: kubeconfig(home, {}, server=""), "has no server"),
        (lambda home: ClusterAccess(kubeconfig=str(home / "none")), "cannot be read"),
        (lambda home: kubeconfig(home, {}).model_copy(update={"context": "there"}), "'there'"),
        (lambda home: kubeconfig(home, {}, server="https://h", **{"certificate-authority-data": "!"}), "not base64"),
        (lambda _home: ClusterAccess(in_cluster=True), "KUBERNETES_SERVICE_HOST"),
    ],
)
def test_what_is_wrong_is_said(change: Callable[[Path], ClusterAccess], part: str, tmp_path: Path) -> None:
    with pytest.raises(AccessError, match=part):
        server_of(change(tmp_path), environment={})


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Refused),
        (403, Refused),
        (404, NotThere),
        (409, Conflict),
        (410, Expired),
        (413, Refused),
        (422, Refused),
        (429, TryAgain),
        (500, TryAgain),
        (503, TryAgain),
    ],
)
def test_answers_are_sorted_by_what_to_do_next(status: int, kind: type[ClusterError]) -> None:
    fault = fault_of(status, b'{"message": "why", "reason": "Because"}', "7")
    assert type(fault) is kind
    assert (str(fault), fault.reason, fault.status) == ("why", "Because", status)
    if isinstance(fault, TryAgain):
        assert fault.after_seconds == 7.0


def test_a_token_that_was_replaced_is_asked_for_again(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("old")
    token = FileToken(path=tmp_path / "token")
    with fake_kube() as kube:
        kube.token = "old"
        client = KubeClient(Server(url=kube.url, token=token))
        client.get(PODS)
        kube.token = "new"
        (tmp_path / "token").write_text("new")
        assert b'"items"' in client.get(PODS)
        kube.token = "nobody knows"
        with pytest.raises(Refused):
            client.get(PODS)
        client.close()


def test_a_server_that_is_not_there_is_tried_again() -> None:
    client = KubeClient(Server(url="http://127.0.0.1:1"))
    with pytest.raises(TryAgain):
        client.get(PODS)
    client.close()


def test_tokens_of_runs_follow_from_one_key() -> None:
    first, second = WorkflowUuid("1" * 32), WorkflowUuid("2" * 32)
    token = TokenKey(b"key").token(first).reveal()
    assert TokenKey(b"key").token(first).reveal() == token
    assert TokenKey(b"key").token(second).reveal() != token
    assert TokenKey(b"other").token(first).reveal() != token
    assert TokenKey(None).token(first).reveal() != TokenKey(None).token(first).reveal()


def test_a_backend_of_the_configuration_becomes_a_runner(tmp_path: Path) -> None:
    backend = Backend(name="far", cluster=kubeconfig(tmp_path, {"token": "t"}), namespace="work")
    assert argo_runner(backend, WorkflowConfig(), Surroundings()) is not None
    with pytest.raises(AccessError, match="names no cluster"):
        argo_runner(Backend(name="here", engine="local"), WorkflowConfig(), Surroundings())
