"""No text of a user stands where Argo would read it.

design principle 5: "User text never stands in an Argo template: command, args, environment and file bodies travel in a
Secret per run."
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.argo.clusters import manifests, pods, workflows
from tests.unit.argo.plans import group, plan, rule, single, task
from translator.argo.forms import Form, written
from translator.argo.target import ArgoTarget
from translator.argo.translation import translate
from translator.plan.model import (
    CheckpointPlan,
    CredentialEnv,
    CredentialFiles,
    ExitAction,
    FilePlan,
    Kpi,
    Mount,
    ResourceRequest,
    TaskInput,
    TaskName,
    UrlInput,
    UrlOutput,
    WorkflowId,
)

TAG = "{{workflow.name}}"


def canary(field: str) -> str:
    """A text that stands for one field and is a tag of Argo's as well."""
    return f"CANARY-{field}-{TAG}"


FREE_TEXT: dict[str, Any] = {
    "command": (canary("command"),),
    "args": (canary("args"),),
    "environment": {canary("variable"): canary("value")},
    "credential_env": (CredentialEnv(variable=canary("env"), credential=canary("credential"), key=canary("key")),),
    "inputs": (
        UrlInput(index=0, url=canary("input-url"), regex=canary("input-regex")),
        TaskInput(
            index=1, task=TaskName(canary("task")), workflow_id=WorkflowId(canary("workflow")), regex=canary("regex")
        ),
    ),
    "outputs": (UrlOutput(url=canary("output-url"), regex=canary("output-regex")),),
    "kpis": (Kpi(index=canary("kpi-index"), path=canary("kpi-path")),),
    "checkpoints": (
        CheckpointPlan(
            path=canary("checkpoint-path"),
            url=canary("checkpoint-url"),
            frequency_seconds=60,
            regex=canary("checkpoint-regex"),
        ),
    ),
    "exit_rules": (rule(ExitAction.COMPLETE, (1, 1)),),
}
"""Fields that nothing but wrapper and sidecar need."""

FILE_TEXT: dict[str, Any] = {"files": (FilePlan(path="/f", contents=canary("contents")),)}


def places() -> dict[str, Any]:
    """Fields that Kubernetes itself must know."""
    return {
        "files": (FilePlan(path=f"/{canary('path')}", contents="x"),),
        "credential_files": (CredentialFiles(directory=f"/{canary('directory')}", credential="c"),),
        "mounts": (Mount(source=f"/{canary('source')}", destination=f"/{canary('destination')}"),),
        "resources": ResourceRequest(nodes_excluded=(canary("node"),)),
    }


def test_free_text_stands_in_secrets_only() -> None:
    made = plan(single("a", **FREE_TEXT, **FILE_TEXT), group("g", task("x", **FREE_TEXT), task("y", lead=False)))
    translation = translate(made, ArgoTarget(data_url="s3://store"))
    for manifest in manifests(translation):
        # Secrets hold it as base64; nothing of it is in plain sight anywhere.
        assert "CANARY" not in json.dumps(manifest), manifest["kind"]
    for form in Form:
        assert b"CANARY" not in written(translation, form)


@pytest.mark.parametrize("field", sorted(places()))
def test_what_kubernetes_must_know_is_no_tag(field: str) -> None:
    template: Any = {"spec": {"nodeSelector": {"not": "{{USER_EXCLUDED_NODES}}-"}}}
    made = plan(single("a", **{field: places()[field]}), pod_template=template)
    translation = translate(made, ArgoTarget())
    for workflow in workflows(translation):
        assert TAG not in json.dumps(workflow)
    # The pod has it unchanged all the same.
    assert f"-{TAG}" in json.dumps(pods(translation)["a"].spec)


def test_names_are_made_of_letters_digits_and_dashes() -> None:
    made = plan(single(canary("task-name")), workflow_id=WorkflowId(canary("id")), owner=canary("owner"))
    translation = translate(made, ArgoTarget())
    for manifest in manifests(translation):
        text = json.dumps({key: value for key, value in manifest.items() if key != "data"})
        # The title is an annotation of the Workflow, which Argo shows and does not read.
        assert text.count(TAG) == (1 if manifest["kind"] == "Workflow" else 0)


def test_templates_cannot_be_written_by_users() -> None:
    # A value that a template names is put in as a text, never read as a template again.
    template: Any = {"metadata": {"labels": {"x": "{{USER_MEMORY}}"}}}
    made = plan(single("a", resources=ResourceRequest(requested_memory="1Gi")), pod_template=template)
    assert pods(translate(made, ArgoTarget()))["a"].labels["x"] == "1Gi"
