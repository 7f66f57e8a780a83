"""Whatever a caller sends, the gateway says what is wrong with it: no request leads to a 5xx (api.md §1.5)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.docs.write_openapi import FILE
from tests.integration.api_support import HELLO, Api, one_task, running_api

CONFIG = """\
backends: {here: {engine: local}}
pools:
  default: {backend: here, default_platform: cpu, platforms: {cpu: {}}}
  strict: {backend: here, default_platform: cpu, platforms: {cpu: {}}, common_resource_validations: [default_cpu]}
workflow:
  workflow_info: {tags: [keep]}
  plugins_config: {rsync: {enabled: true}}
"""
ENVELOPE = {"message", "error_code", "workflow_id"}
CODES = {"USAGE", "RESOURCE", "CREDENTIAL", "DATABASE", "USER", "SUBMISSION"}
KNOWN = ["hello-1", "fails-1", "runs-1", "hello", "fails", "runs", "default", "strict", "hello-group", "keep"]

NUMBERS = st.one_of(st.integers(), st.sampled_from([0, 1, -1, 2**31, 2**63, 10**30]))
WORDS = st.one_of(
    st.sampled_from(KNOWN),
    st.text(max_size=20),
    NUMBERS.map(str),
    st.sampled_from(
        ["", "True", "no", "key=(a|b)*", "a=", "=", "*", "x:1", "RUNNING", "FAILED", "LOW", "DESC", "a" * 300]
    ),
    st.datetimes().map(str),
    st.sampled_from(["2025-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-14:00", "1e400"]),
)
# JSON can say half a character.
HALVES = st.text(st.characters(categories=["Cs", "Ll"]), max_size=3)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.floats(), WORDS, HALVES),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(WORDS, inner, max_size=4)),
    max_leaves=12,
)
BODIES = st.one_of(
    st.none(),
    VALUES,
    st.fixed_dictionaries(
        {"file": st.one_of(WORDS, HALVES, st.sampled_from([HELLO, one_task("t"), "workflow: {}", "{{"]))},
        optional={
            "set_variables": st.lists(WORDS, max_size=3),
            "set_string_variables": st.lists(WORDS, max_size=3),
            "uploaded_templated_spec": WORDS,
        },
    ),
    st.fixed_dictionaries({}, optional={"pool": VALUES, "email_notification": VALUES, "slack_notification": VALUES}),
)
OPERATIONS = sorted(
    (method.upper(), path, tuple(entry["name"] for entry in operation.get("parameters", ()) if entry["in"] == "query"))
    for path, methods in json.loads(FILE.read_text())["paths"].items()
    for method, operation in methods.items()
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "x-osmo-user": st.sampled_from(["alice", "bob@x", "", "a b", "x" * 300]),
        "x-osmo-roles": st.sampled_from(["", "osmo-user", ",,", "osmo-admin"]),
        "x-osmo-allowed-pools": st.sampled_from(["", "default", "none"]),
        "x-osmo-client-version": st.sampled_from(["6.4.0", "1.0.0", "x", ""]),
        "idempotency-key": st.sampled_from(["", "k", "k" * 300, "\x01"]),
        "last-event-id": st.sampled_from(["", "1.a", "9" * 50, "x"]),
        "accept": st.sampled_from(["text/plain", "*/*", ""]),
    },
)
SETTINGS = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with running_api(tmp_path_factory.mktemp("any"), config=CONFIG, follow_idle_seconds=0.02) as running:
        running.accepted(HELLO)
        running.accepted(one_task("fails", exit_code="1", log="oh"))
        running.accepted(one_task("runs", stays="RUNNING"))
        yield running


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    method, path, names = draw(st.sampled_from(OPERATIONS))
    while "{" in path:
        before, _, rest = path.partition("{")
        path = before + quote(draw(WORDS), safe="") + rest.partition("}")[2]
    chosen = draw(st.lists(st.sampled_from([*names, "unheard"]), max_size=4)) if names else []
    body = draw(BODIES) if method == "POST" else None
    return {
        "method": method,
        "url": path,
        "params": [(name, draw(WORDS)) for name in chosen] or None,
        "headers": {**draw(HEADERS), "content-type": "application/json"},
        "content": None if body is None else json.dumps(body),
    }


def check(reply: Any) -> None:
    """A refusal has one of the documented shapes."""
    assert reply.status_code < 500, reply.text
    if reply.status_code < 400:
        return
    body = reply.json()
    if reply.status_code == 422:
        assert all(entry.keys() == {"loc", "msg", "type"} for entry in body["detail"])
    elif body.get("error_code") != "OSMO_ERROR":
        assert body.keys() >= ENVELOPE, body
        assert body["error_code"] in CODES
        assert body["message"]


@SETTINGS
@given(request=requests())
def test_any_request(api: Api, request: dict[str, Any]) -> None:
    check(api.client.request(**request))


@SETTINGS
@given(body=st.binary(max_size=200), kind=st.sampled_from(["application/json", "text/plain", "application/x-yaml", ""]))
def test_any_bytes_as_body(api: Api, body: bytes, kind: str) -> None:
    for path in ("/api/pool/default/workflow", "/api/profile/settings"):
        check(api.client.post(path, content=body, headers={"content-type": kind} if kind else {}))


FIELD_NAMES = """\
name tasks groups resources timeout labels image command args environment files inputs outputs task url regex path
contents base64 lead barrier resource platform cpu gpu memory storage exitActions credentials kpis volumeMounts
checkpoint frequency cacheSize hostNetwork privileged downloadType nodesExcluded topology key localpath"""
FIELDS = st.sampled_from(FIELD_NAMES.split())
FRAGMENTS = st.recursive(
    st.one_of(
        VALUES,
        st.sampled_from(
            ["{{output}}", "{{input:0}}", "{{host:t}}", "{{ 1/0 }}", "{% for %}", "1GB", "-1", "1.5", "s3://b"]
        ),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(FIELDS, inner, max_size=4)),
    max_leaves=10,
)


@st.composite
def specs(draw: st.DrawFn) -> str:
    """A workflow in which some things are replaced by others."""
    spec: dict[str, Any] = yaml.safe_load(HELLO)
    task = spec["workflow"]["tasks"][0]
    for _ in range(draw(st.integers(1, 4))):
        target = draw(st.sampled_from([spec, spec["workflow"], task]))
        target[draw(FIELDS)] = draw(FRAGMENTS)
    text: str = yaml.safe_dump(spec, allow_unicode=True)
    return text


@SETTINGS
@given(
    spec=specs(),
    pool=st.sampled_from(["default", "strict"]),
    query=st.sampled_from(["", "?validation_only=1", "?dry_run=1"]),
)
def test_any_spec(api: Api, spec: str, pool: str, query: str) -> None:
    check(api.post(f"/api/pool/{pool}/workflow{query}", {"file": spec}))
