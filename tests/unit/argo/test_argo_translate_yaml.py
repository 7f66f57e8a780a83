"""From the bytes of a file to the bytes of all objects."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from typing import Any

import pytest

import translator
from pools.config import parse_config
from tests.unit.argo.crd import check_object, check_workflow
from translator import translate_yaml
from translator.problems import SpecError
from translator.spec.values import Values
from translator.translate import NO_UUID

HELLO = b"workflow: {name: hello, tasks: [{name: hi, image: 'ubuntu:24.04', command: [echo, hi]}]}"
TALK = b"""
workflow:
  name: talk
  groups:
  - name: g
    tasks:
    - {name: server, lead: true, image: a, command: [serve]}
    - {name: client, image: a, command: [call, "{{host:server}}"]}
"""
CONFIG = {
    "a.yaml": b"""
backends: {remote: {cluster: {in_cluster: true}, namespace: runs, cluster_domain: corp.local}}
pools: {p: {backend: remote, default_platform: x, platforms: {x: {}}}}
"""
}


def document(source: bytes, **options: Any) -> dict[str, Any]:
    """The translation, read back."""
    made: dict[str, Any] = json.loads(translate_yaml(source, **options))
    return made


def test_a_file_becomes_objects_and_a_receipt() -> None:
    # design §10: `{"objects": [Kubernetes objects in creation order, the Workflow first, …], "receipt": […]}`.
    made = document(HELLO)
    assert list(made) == ["objects", "receipt"]
    workflow, *others = made["objects"]
    check_workflow(workflow)
    assert workflow["metadata"]["namespace"] == "argo"
    assert workflow["metadata"]["labels"]["osmo.workflow_id"] == "hello-1"
    assert workflow["metadata"]["labels"]["osmo.workflow_uuid"] == NO_UUID
    assert [entry["kind"] for entry in others] == ["Secret"]
    for entry in others:
        check_object(entry, "argo")
    assert {"osmo", "kubernetes", "fidelity", "note"} == made["receipt"][0].keys()


def test_same_file_same_bytes() -> None:
    assert translate_yaml(TALK) == translate_yaml(TALK)


def test_hosts_are_names_of_a_cluster_though_the_shipped_pool_is_local() -> None:
    assert b".osmo-" in _told(document(TALK))
    assert b"127." not in _told(document(TALK))


def test_a_configuration_says_where() -> None:
    made = document(TALK, config=parse_config(CONFIG), pool="p")
    assert {entry["metadata"]["namespace"] for entry in made["objects"]} == {"runs"}
    assert b".runs.svc.corp.local" in _told(made)


def test_values_fill_a_template() -> None:
    source = (
        b"workflow: {name: t, tasks: [{name: a, image: '{{ image }}', command: [x]}]}\ndefault-values: {image: i}\n"
    )
    images = [
        document(source, values=values)["objects"][0]["spec"]["templates"][1]["container"]["image"]
        for values in (None, Values(variables=("image=j",)))
    ]
    assert images == ["i", "j"]


@pytest.mark.parametrize(
    ("source", "options", "text"),
    [
        (b"workflow: {name: x}", {}, "."),
        (HELLO, {"pool": "nowhere"}, "Pool nowhere not found"),
        (b"workflow: {name: t, tasks: [{name: a, image: i, command: [x], inputs: [{task: b}]}]}", {}, "does not exist"),
    ],
)
def test_what_is_wrong_is_refused(source: bytes, options: dict[str, Any], text: str) -> None:
    with pytest.raises(SpecError, match=text):
        translate_yaml(source, **options)


def test_the_rest_of_the_package_does_without_hera() -> None:
    # Hera takes a second to load.
    program = "import sys, translator, translator.plan.resolve; sys.exit('hera' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(translator, "nothing")  # noqa: B009


def _told(made: dict[str, Any]) -> bytes:
    """Everything in the Secrets."""
    return b"\n".join(
        base64.b64decode(text)
        for entry in made["objects"]
        if entry["kind"] == "Secret"
        for text in entry["data"].values()
    )
