"""A canary in every kind of credential: nobody finds it where it does not belong, in no form that programs print.

Looked at: logs, every reply of the API, the data directory with database and logs, the gateway's own output, the
command lines of all processes. On a cluster the same is seen in the objects (tests/unit/argo/test_argo_canary.py).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import httpx
import psutil
import pytest

from tests.e2e.commands import server, wait_until
from tests.object_store import S3Server

pytestmark = pytest.mark.xdist_group("s3")

CANARIES = {kind: f'{kind}-cänary "1/2+3" &?=%\\' for kind in ("generic", "registry", "data")}
CONFIG = """
workflow:
  credential_config:
    disable_registry_validation: [registry.example]
    disable_data_validation: [s3]
"""
# Says what it was given in all forms, then waits to be looked at.
SCRIPT = """
import base64, json, os, sys, time, urllib.parse
for key in (os.environ["KEY"], open("/secrets/password").read()):
    print(key)
    print(base64.b64encode(("user:" + key).encode()).decode())
    print(urllib.parse.quote(key, safe=""), urllib.parse.quote_plus(key))
    print(json.dumps(key), json.dumps({"k": [key]}, ensure_ascii=False), file=sys.stderr)
print("told", flush=True)
time.sleep(float(sys.argv[1]))
"""
SPEC = f"""
workflow:
  name: secrets
  tasks:
  - name: t
    image: registry.example/team/image
    command: [python3, /tmp/tell.py, "{{{{seconds}}}}"]
    files:
    - path: /tmp/tell.py
      contents: |
{"".join("        " + line + chr(10) for line in SCRIPT.strip().splitlines())}
    credentials:
      canary: {{KEY: password}}
      files: /secrets
    checkpoint:
    - {{path: /tmp/tell.py, url: s3://bucket/out, frequency: 1h}}
default-values: {{seconds: "600"}}
"""


def forms(secret: str) -> Iterator[str]:
    """What must not be found."""
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield base64.b64encode(secret.encode()).decode()
    # Inside of something longer all but the ends is the same.
    yield base64.b64encode(b"user:" + secret.encode()).decode()[8:-8]


FORMS = [form.encode() for secret in CANARIES.values() for form in forms(secret)]


def assert_silent(text: bytes, where: str) -> None:
    """Fail where any form of any canary is in a text."""
    assert not [form for form in FORMS if form in text], where


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, s3: S3Server) -> Iterator[tuple[httpx.Client, Path]]:
    """A server with all canaries stored, and its data directory."""
    home = tmp_path_factory.mktemp("secrets")
    (home / "config").mkdir()
    (home / "config/config.yaml").write_text(CONFIG)
    with server(home / "data", "--config", home / "config", "--log-level", "debug") as client:
        bodies = {
            "canary": {"generic_credential": {"credential": {"password": CANARIES["generic"]}}},
            "files": {"generic_credential": {"credential": {"password": CANARIES["generic"]}}},
            "registry": {
                "registry_credential": {"registry": "registry.example", "username": "u", "auth": CANARIES["registry"]}
            },
            "data": {
                "data_credential": {
                    "endpoint": "s3://bucket",
                    "override_url": s3.url,
                    "addressing_style": "path",
                    "access_key_id": "AK",
                    "access_key": CANARIES["data"],
                }
            },
        }
        for name, body in bodies.items():
            assert_silent(client.post(f"/api/credentials/{name}", json=body).raise_for_status().content, name)
        yield client, home / "data"


def submitted(client: httpx.Client, seconds: float) -> tuple[str, str]:
    """A workflow that has told its secrets, and its log until then."""
    reply = client.post("/api/pool/default/workflow", json={"file": SPEC, "set_variables": [f"seconds={seconds}"]})
    name = str(reply.raise_for_status().json()["name"])
    lines = []
    # A log is followed as long as there may be more of it.
    with client.stream("GET", f"/api/workflow/{name}/logs") as stream:
        for line in stream.iter_lines():
            lines.append(line)
            if line.endswith("told"):
                break
    return name, "\n".join(lines)


def replies(client: httpx.Client, name: str, *more: str) -> Iterator[httpx.Response]:
    """Everything that the API says about a workflow and around it, but for what it streams."""
    below = ("", "?verbose=true", "/spec", "/spec?use_template=true", "/task/t", *more)
    paths = [f"/api/workflow/{name}{end}" for end in below]
    around = ("/api/credentials", "/api/task", "/api/workflow", "/api/profile/settings", "/api/configs/backend")
    for path in (*paths, *around, "/metrics", "/api/pool", "/api/resources"):
        yield client.get(path)


def test_no_reply_and_no_command_line_has_it_while_the_task_runs(gateway: tuple[httpx.Client, Path]) -> None:
    client, _ = gateway
    name, log = submitted(client, 600)
    assert_silent(log.encode(), "the log")
    # Twice: raw, base64, two of URLs, two of JSON.
    assert log.count("[MASKED]") == 12, log
    for reply in replies(client, name):
        assert_silent(reply.content, str(reply.url))
    for process in psutil.process_iter():
        try:
            assert_silent("\0".join(process.cmdline()).encode("utf-8", "surrogateescape"), str(process))
        except psutil.Error:
            continue
    client.post(f"/api/workflow/{name}/cancel", params={"force": True}).raise_for_status()


def test_nothing_on_disk_has_it_after_the_end(gateway: tuple[httpx.Client, Path]) -> None:
    client, data = gateway
    name, _ = submitted(client, 0)
    # The upload fails, and says why without the key.
    wait_until(lambda: client.get(f"/api/workflow/{name}").json()["end_time"] is not None, "the end")
    assert client.get(f"/api/workflow/{name}").json()["groups"][0]["tasks"][0]["exit_code"] == 2012
    for reply in replies(client, name, "/logs", "/error_logs", "/events"):
        assert_silent(reply.content, str(reply.url))
    wait_until(lambda: not list(data.glob("engines/*/runs/*")), "the runs are removed")
    for path in data.rglob("*"):
        if path.is_file():
            assert_silent(path.read_bytes(), str(path))
