"""`credential`: the requests of api.md's traces, and the keys kept on this machine."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
import yaml

from cli.config_file import data_keys
from cli.main import main
from tests.unit.cli.gateway_stub import Answer, GatewayStub

PAIRS = ["endpoint=s3://bucket/", "access_key_id=AK", "access_key=hush-hush", "region=us-east-1"]


def entry(name: str, kind: str, profile: str | None) -> dict[str, str | None]:
    return {"cred_name": name, "cred_type": kind, "profile": profile}


@pytest.mark.parametrize(
    ("words", "body"),
    [
        (
            ["--payload", "omni_user=u", "omni_pass=p=1"],
            {"generic_credential": {"credential": {"omni_user": "u", "omni_pass": "p=1"}}},
        ),
        (
            ["--type", "REGISTRY", "--payload", "registry=nvcr.io", "username=u", "auth=pw"],
            {"registry_credential": {"registry": "nvcr.io", "username": "u", "auth": "pw"}},
        ),
        (
            ["--type", "DATA", "--payload", *PAIRS],
            {
                "data_credential": {
                    "endpoint": "s3://bucket/",
                    "access_key_id": "AK",
                    "access_key": "hush-hush",
                    "region": "us-east-1",
                }
            },
        ),
    ],
)
def test_set(gateway: GatewayStub, capsys: pytest.CaptureFixture[str], words: list[str], body: object) -> None:
    gateway.on("POST /api/credentials/mine", Answer())
    assert main(["credential", "set", "mine", *words]) == 0
    (request,) = (request for request in gateway.requests if request.method == "POST")
    assert request.json == body
    kind = words[1] if words[0] == "--type" else "GENERIC"
    assert capsys.readouterr().out == f"Set {kind} credential mine.\n"


def test_values_may_come_from_files(gateway: GatewayStub, tmp_path: Path) -> None:
    gateway.on("POST /api/credentials/mine", Answer())
    (tmp_path / "token").write_text("line 1\nline 2\n")
    assert main(["credential", "set", "mine", "--payload-file", f"key={tmp_path / 'token'}"]) == 0
    (request,) = (request for request in gateway.requests if request.method == "POST")
    assert request.json == {"generic_credential": {"credential": {"key": "line 1\nline 2\n"}}}


def test_data_keys_are_kept_on_this_machine_until_deleted(
    gateway: GatewayStub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """DATA is also saved locally, under `auth.data.<endpoint>` of config.yaml."""
    gateway.on("POST /api/credentials/mine", Answer())
    assert main(["credential", "set", "mine", "--type", "DATA", "--payload", *PAIRS]) == 0
    file = tmp_path / "config/config.yaml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = {"access_key_id": "AK", "access_key": "hush-hush", "region": "us-east-1"}
    assert yaml.safe_load(file.read_text()) == {"auth": {"data": {"s3://bucket": kept}}}
    assert data_keys() == {"s3://bucket": kept}
    listing = {"credentials": [entry("mine", "DATA", "s3://bucket"), entry("w", "GENERIC", None)]}
    gateway.on("GET /api/credentials", listing)
    capsys.readouterr()
    assert main(["credential", "list"]) == 0
    shown = capsys.readouterr().out
    assert [line.split()[-1] for line in shown.splitlines() if "mine" in line or " GENERIC" in line] == ["Yes", "No"]
    assert "hush" not in shown
    gateway.on("DELETE /api/credentials/mine", {"credentials": [entry("mine", "DATA", "s3://bucket")]})
    assert main(["credential", "delete", "mine"]) == 0
    assert capsys.readouterr().out == "Deleted DATA credential mine.\n"
    assert data_keys() == {}


def test_json(gateway: GatewayStub, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.on("GET /api/credentials", {"credentials": [entry("w", "GENERIC", None)]})
    assert main(["credential", "list", "-t", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"credentials": [entry("w", "GENERIC", None)]}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--payload", "hush-hush"], "Expected KEY=VALUE"),
        (["--payload", "=hush-hush"], "Expected KEY=VALUE"),
        (["--payload", "a=hush-hush", "a=2"], "Key a is given twice"),
        (["--payload-file", "a=/no/such/file"], "/no/such/file cannot be read"),
        (["--type", "DATA", "--payload", "access_key=hush-hush"], "endpoint is missing"),
        (["--type", "REGISTRY", "--payload", "auth=hush-hush", "user=u"], "user is none of them"),
    ],
)
def test_what_is_refused_before_anything_is_sent(
    gateway: GatewayStub, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main(["credential", "set", "mine", *words]) != 0
    shown = capsys.readouterr()
    assert said in shown.out + shown.err
    assert "hush" not in shown.err + shown.out
    assert not [request for request in gateway.requests if request.method == "POST"]


@pytest.mark.parametrize("text", ["[1]", "auth: 5", "auth: {data: [1]}", "{", "auth: {data: {'s3://b': 3}}"])
def test_a_config_file_that_is_none_is_left_alone(gateway: GatewayStub, tmp_path: Path, text: str) -> None:
    gateway.on("GET /api/credentials", {"credentials": []})
    file = tmp_path / "config/config.yaml"
    file.write_text(text)
    assert main(["credential", "list"]) != 0
    assert file.read_text() == text
