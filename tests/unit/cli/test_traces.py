"""The requests of the real client, one by one. Source: api.md Appendix A."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from cli.main import main
from tests.unit.cli.gateway_stub import GatewayStub

PROFILE = {
    "profile": {"username": "alice", "email_notification": False, "slack_notification": False, "pool": "default"},
    "roles": ["osmo-user"],
    "pools": ["default"],
    "token": None,
}
SUBMITTED = {
    "name": "hello-1",
    "overview": "http://H/workflows/hello-1",
    "logs": "http://H/api/workflow/hello-1/logs",
    "spec": None,
    "dashboard_url": None,
    "warnings": ["w1"],
}
EXPANDED = SUBMITTED | {"name": "hello", "overview": None, "logs": None, "spec": "workflow:\n  name: hello\n"}
DETAIL = {
    "name": "hello-1",
    "status": "COMPLETED",
    "submitted_by": "alice",
    "submit_time": "2025-11-21T22:33:44.123456",
    "overview": "http://H/workflows/hello-1",
    "labels": {},
    "pool": "default",
    "groups": [{"tasks": [{"name": "hello", "status": "COMPLETED", "start_time": None, "retry_id": 0}]}],
}
USAGE = dict.fromkeys(("quota_used", "quota_free", "quota_limit", "total_usage", "total_capacity", "total_free"), "0")
HELLO = """\
workflow:
  name: hello
  tasks:
  - args:
    - Hello from OSMO!
    command:
    - echo
    image: ubuntu:24.04
    name: hello
"""
TEMPLATE = """\
workflow:
  name: hello
  tasks:
  - name: hello
    image: ubuntu:24.04
    command: [echo]
    args: ["{{who}}"]
default-values:
  who: you
"""

REPLIES: dict[str, object] = {
    "GET /api/version": {"major": "6", "minor": "4", "revision": "0", "hash": ""},
    "GET /api/workflow": {"workflows": [], "more_entries": False},
    "GET /api/workflow/hello-1": DETAIL,
    "GET /api/workflow/hello-1/logs": None,
    "GET /api/workflow/hello-1/error_logs": None,
    "GET /api/workflow/hello-1/events": None,
    "GET /api/workflow/hello-1/spec": None,
    "POST /api/workflow/hello-1/cancel": {"name": "hello-1"},
    "GET /api/tag": {"tags": ["test"]},
    "POST /api/workflow/hello-1/tag": None,
    "GET /api/profile/settings": PROFILE,
    "POST /api/profile/settings": None,
    "GET /api/pool": {"pools": {"default": {"name": "default"}, "other": {"name": "other"}}},
    "GET /api/pool_quota": {"node_sets": [], "resource_sum": USAGE},
    "GET /api/resources": {"resources": []},
    "GET /api/resources/node1": {"resources": [{"hostname": "node1", "exposed_fields": {}}]},
    "GET /api/task": {"tasks": []},
    "POST /api/pool/default/workflow": SUBMITTED,
    "POST /api/pool/default/workflow/hello-1/restart": SUBMITTED,
}


@pytest.mark.parametrize(
    ("command", "lines"),
    [
        ("version", ["GET /api/version"]),
        ("workflow list", ["GET /api/workflow?order=DESC&all_pools=True&limit=20&offset=0"]),
        (
            "workflow list -u bob carol -s RUNNING FAILED -n hel --tags a b -p default other -P my-app:1 "
            "--priority HIGH --label team=(a|b)* --no-label z --submitted-after 2025-01-01 "
            "--submitted-before 2025-02-01 -c 1000",
            [
                "GET /api/workflow?users=bob&users=carol&statuses=RUNNING&statuses=FAILED&name=hel&order=DESC"
                "&tags=a&tags=b&pools=default&pools=other&app=my-app%3A1&priority=HIGH&label=team%3D%28a%7Cb%29%2A"
                "&no_label=z&submitted_after=2025-01-01T00%3A00%3A00&submitted_before=2025-02-01T00%3A00%3A00"
                "&limit=1000&offset=0"
            ],
        ),
        ("workflow query hello-1", ["GET /api/workflow/hello-1?verbose=False"]),
        ("workflow query hello-1 -v", ["GET /api/workflow/hello-1?verbose=True"]),
        ("workflow logs hello-1", ["GET /api/workflow/hello-1/logs"]),
        (
            "workflow logs hello-1 -n 100 -t hello -r 1",
            ["GET /api/workflow/hello-1/logs?last_n_lines=100&task_name=hello&retry_id=1"],
        ),
        ("workflow logs hello-1 --error -t hello", ["GET /api/workflow/hello-1/error_logs?task_name=hello"]),
        ("workflow events hello-1 -t hello", ["GET /api/workflow/hello-1/events?task_name=hello"]),
        ("workflow spec hello-1 --template", ["GET /api/workflow/hello-1/spec?use_template=True"]),
        ("workflow cancel hello-1 -f -m because", ["POST /api/workflow/hello-1/cancel?force=True&message=because"]),
        ("workflow tag", ["GET /api/tag"]),
        ("workflow tag -w hello-1 -a test -r old", ["POST /api/workflow/hello-1/tag?add=test&remove=old"]),
        ("workflow restart hello-1", ["GET /api/workflow/hello-1", "POST /api/pool/default/workflow/hello-1/restart"]),
        ("workflow submit hello-1 -p default", ["POST /api/pool/default/workflow?workflow_id=hello-1"]),
        ("pool list", ["GET /api/pool_quota?all_pools=True"]),
        ("pool list -p default other", ["GET /api/pool_quota?pools=default&pools=other&all_pools=False"]),
        (
            "resource list",
            ["GET /api/profile/settings", "GET /api/pool", "GET /api/resources?pools=default&all_pools=False"],
        ),
        (
            "resource list -p default --platform cpu",
            ["GET /api/pool", "GET /api/resources?pools=default&all_pools=False&platforms=cpu"],
        ),
        ("resource list -a", ["GET /api/pool", "GET /api/resources?all_pools=True"]),
        ("resource info node1", ["GET /api/resources/node1"]),
        ("profile list", ["GET /api/profile/settings"]),
        (
            "task list",
            [
                "GET /api/task?limit=20&offset=0&all_users=False&statuses=PROCESSING&statuses=SCHEDULING"
                "&statuses=INITIALIZING&statuses=RUNNING&order=ASC&all_pools=True"
            ],
        ),
        (
            "task list -s COMPLETED -n node1 --started-after 2025-01-01",
            [
                "GET /api/task?limit=20&offset=0&all_users=False&statuses=COMPLETED&order=ASC&all_pools=True"
                "&nodes=node1&started_after=2025-01-01T00%3A00%3A00"
            ],
        ),
    ],
)
def test_requests(gateway: GatewayStub, command: str, lines: list[str]) -> None:
    """Source: Recorded with the unmodified 6.4.0 client against a logging stub."""
    for route, reply in REPLIES.items():
        gateway.on(route, reply)
    assert main(command.split()) == 0
    assert gateway.lines == lines


def test_submit_of_a_plain_file_is_one_post(gateway: GatewayStub, tmp_path: Path) -> None:
    """ "POST /api/pool/default/workflow" with file and empty variables."""
    gateway.on("POST /api/pool/default/workflow", SUBMITTED)
    spec = tmp_path / "hello.yaml"
    spec.write_text(HELLO)
    assert main(["workflow", "submit", str(spec), "-p", "default"]) == 0
    (request,) = gateway.requests
    assert request.line == "POST /api/pool/default/workflow"
    assert request.json == {
        "file": HELLO,
        "set_variables": [],
        "set_string_variables": [],
        "uploaded_templated_spec": None,
    }


def test_submit_of_a_template_expands_first(gateway: GatewayStub, tmp_path: Path) -> None:
    """A dry run brings the expanded text, the second post carries it, the original and the variables again."""
    gateway.on("POST /api/pool/default/workflow", EXPANDED)
    gateway.on("POST /api/pool/default/workflow", SUBMITTED)
    spec = tmp_path / "hello.yaml"
    spec.write_text(TEMPLATE)
    command = "--set who=me n=3 --set-string s=7 --set-env A=b C=d --priority low --label team=a --label x=y -p default"
    assert main(["workflow", "submit", str(spec), *command.split()]) == 0
    variables = {"set_variables": ["who=me", "n=3"], "set_string_variables": ["s=7"]}
    first, second = gateway.requests
    assert first.line == "POST /api/pool/default/workflow?priority=LOW&label=team%3Da&label=x%3Dy&dry_run=True"
    assert first.json == {"file": TEMPLATE, **variables, "uploaded_templated_spec": None}
    assert second.line == (
        "POST /api/pool/default/workflow?priority=LOW&label=team%3Da&label=x%3Dy&dry_run=False"
        "&env_vars=A%3Db&env_vars=C%3Dd"
    )
    assert second.json == {"file": EXPANDED["spec"], **variables, "uploaded_templated_spec": TEMPLATE}


def test_local_files_are_sent_along(gateway: GatewayStub, tmp_path: Path) -> None:
    """`localpath` entries are replaced by `contents`; in a template, in what the server made of it."""
    entry = "workflow: {name: x, tasks: [{name: a, files: [{path: /a, localpath: a.sh}]}]}\n"
    (tmp_path / "a.sh").write_text("echo {{output}}")
    spec = tmp_path / "spec.yaml"
    gateway.on("POST /api/pool/default/workflow", EXPANDED | {"spec": entry})
    gateway.on("POST /api/pool/default/workflow", SUBMITTED)
    spec.write_text(entry + "default-values: {}\n")
    assert main(["workflow", "submit", str(spec), "-p", "default"]) == 0
    spec.write_text(entry)
    assert main(["workflow", "submit", str(spec), "-p", "default"]) == 0
    _, *finals = gateway.requests
    for request in finals:
        body = request.json
        assert isinstance(body, dict)
        files = yaml.safe_load(body["file"])["workflow"]["tasks"][0]["files"]
        assert files == [{"path": "/a", "contents": "echo {{output}}"}]


def test_dry_run_prints_the_expansion(gateway: GatewayStub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Dry run prints the YAML, after one request."""
    gateway.on("POST /api/pool/default/workflow", EXPANDED)
    spec = tmp_path / "hello.yaml"
    for text in (TEMPLATE, HELLO):
        spec.write_text(text)
        assert main(["workflow", "submit", str(spec), "-p", "default", "--dry-run"]) == 0
        assert capsys.readouterr().out == EXPANDED["spec"]
    assert gateway.lines == ["POST /api/pool/default/workflow?dry_run=True"] * 2


def test_validate_of_a_template(gateway: GatewayStub, tmp_path: Path) -> None:
    """Source: Validate: `?validation_only=True&dry_run=True`, then `?validation_only=True&dry_run=False`."""
    gateway.on("POST /api/pool/default/workflow", EXPANDED)
    gateway.on("POST /api/pool/default/workflow", SUBMITTED | {"logs": "Workflow validation succeeded."})
    spec = tmp_path / "hello.yaml"
    spec.write_text(TEMPLATE)
    assert main(["workflow", "validate", str(spec), "-p", "default"]) == 0
    assert gateway.lines == [
        "POST /api/pool/default/workflow?validation_only=True&dry_run=True",
        "POST /api/pool/default/workflow?validation_only=True&dry_run=False",
    ]


def test_submit_by_id_has_no_body(gateway: GatewayStub) -> None:
    """Source: By id: `POST /api/pool/default/workflow?workflow_id=hello-1`, `Content-Length: 0`."""
    gateway.on("POST /api/pool/default/workflow", SUBMITTED)
    main(["workflow", "submit", "hello-1", "-p", "default"])
    assert gateway.requests[0].headers["content-length"] == "0"
    assert gateway.requests[0].body == b""


@pytest.mark.parametrize(
    ("words", "body"),
    [
        (["pool", "default"], {"pool": "default"}),
        (["notifications", "email"], {"email_notification": True}),
        (["notifications", "slack", "false"], {"slack_notification": False}),
    ],
)
def test_profile_set(gateway: GatewayStub, words: list[str], body: object) -> None:
    """Source: `POST` with `{"pool": "default"}` or `{"email_notification": true}`; reply `null`."""
    gateway.on("POST /api/profile/settings", None)
    assert main(["profile", "set", *words]) == 0
    assert gateway.requests[0].line == "POST /api/profile/settings"
    assert gateway.requests[0].json == body


def test_submit_without_pool_asks_the_profile(gateway: GatewayStub, tmp_path: Path) -> None:
    """Source: Without `-p` a `GET /api/profile/settings` comes first; with `profile.pool` null also `GET /api/pool`."""
    gateway.on("GET /api/profile/settings", PROFILE | {"profile": {"username": "alice", "pool": None}})
    gateway.on("GET /api/pool", {"pools": {}, "node_sets": [{"pools": [{"name": "only"}]}]})
    gateway.on("POST /api/pool/only/workflow", SUBMITTED)
    spec = tmp_path / "hello.yaml"
    spec.write_text(HELLO)
    assert main(["workflow", "submit", str(spec)]) == 0
    assert gateway.lines == ["GET /api/profile/settings", "GET /api/pool", "POST /api/pool/only/workflow"]


def test_common_headers(gateway: GatewayStub) -> None:
    """Content type also on GET, user agent, version; identity of a dev login (api.md §1.2)."""
    gateway.on("GET /api/tag", {"tags": []})
    main(["workflow", "tag"])
    headers = gateway.requests[0].headers
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("osmo-cli/6.4.0")
    assert headers["x-osmo-client-version"] == "6.4.0"
    assert headers["x-osmo-user"] == "alice"


def test_version_goes_without_version_header(gateway: GatewayStub) -> None:
    """Source: GET /api/version (no x-osmo-client-version)."""
    gateway.on("GET /api/version", json.loads('{"major": "6", "minor": "4", "revision": "0", "hash": ""}'))
    main(["version"])
    assert "x-osmo-client-version" not in gateway.requests[0].headers
