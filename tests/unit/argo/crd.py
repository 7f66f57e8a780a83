"""Argo 4's full CRD, as far as a translation can break it. Source: argo.md §2.1 and the CRD's schema."""

from __future__ import annotations

import json
import re
from typing import Any

from hera.workflows import models

from translator.argo.target import Limits

PARAMETERS = 500
_NAME = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]*")
_PARAMETER = re.compile(r"[-a-zA-Z0-9_]+")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_OBJECT_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_TAG = re.compile(r"\{\{(.*?)\}\}")
ARGO = Limits()
_LEAVES = ("container", "suspend")


def check_workflow(manifest: dict[str, Any], limits: Limits = ARGO) -> None:
    """Fails where the full CRD, or the controller's own validation, would refuse the Workflow.

    `limits` are Argo's, or smaller ones, by which a test makes small graphs behave like large ones.
    """
    models.Workflow.model_validate(manifest)
    metadata, spec = manifest["metadata"], manifest["spec"]
    assert len(metadata["name"]) <= 63
    assert _OBJECT_NAME.fullmatch(metadata["name"])
    check_labels(metadata["labels"])
    check_labels(spec["podMetadata"]["labels"])
    assert sum(len(key) + len(value) for key, value in metadata["annotations"].items()) < 256 * 1024
    assert len(json.dumps(spec, separators=(",", ":"))) <= limits.spec_bytes
    assert spec["suspend"] is True
    templates = spec["templates"]
    assert len(templates) <= limits.templates
    names = [template["name"] for template in templates]
    assert len(set(names)) == len(names)
    by_name = {template["name"]: template for template in templates}
    assert spec["entrypoint"] in by_name
    used = {spec["entrypoint"]}
    for template in templates:
        check_template(template, limits)
        for task in template.get("dag", {}).get("tasks", []):
            check_call(task, by_name)
            used.add(task["template"])
    assert used == set(names), "a template that nothing uses"


def check_template(template: dict[str, Any], limits: Limits = ARGO) -> None:
    """One template: names, limits, tags that Argo can resolve."""
    assert len(template["name"]) <= 128
    assert _NAME.fullmatch(template["name"])
    assert sum(kind in template for kind in ("dag", *_LEAVES)) == 1
    parameters = [entry["name"] for entry in template.get("inputs", {}).get("parameters", [])]
    assert len(parameters) <= PARAMETERS
    assert len(set(parameters)) == len(parameters)
    assert all(_PARAMETER.fullmatch(name) for name in parameters)
    known = {f"inputs.parameters.{name}" for name in parameters}
    if "retryStrategy" in template:
        known.add("retries")
    tags = set(_TAG.findall(json.dumps(template)))
    assert tags <= known, "tags that Argo would not resolve"
    assert {name for name in known if name != "retries"} <= tags, "a parameter that nothing uses"
    if "container" in template:
        # Argo names pods <workflow>-<template>-<hash>.
        assert _OBJECT_NAME.fullmatch(template["name"])
    if "dag" in template:
        check_dag(template["dag"], limits)
        assert "activeDeadlineSeconds" not in template
        assert "pendingTimeout" not in template
    for label, value in template.get("metadata", {}).get("labels", {}).items():
        assert _LABEL_KEY.fullmatch(label)
        assert "{{" in value or _LABEL_VALUE.fullmatch(value)
    if "activeDeadlineSeconds" in template:
        assert 0 < template["activeDeadlineSeconds"] < 2**31


def check_dag(dag: dict[str, Any], limits: Limits = ARGO) -> None:
    """One DAG: number and names of tasks, and what they wait for."""
    tasks = dag["tasks"]
    assert 1 <= len(tasks) <= limits.dag_tasks
    names = [task["name"] for task in tasks]
    assert len(set(names)) == len(names)
    for place, task in enumerate(tasks):
        assert len(task["name"]) <= 128
        assert _NAME.fullmatch(task["name"])
        assert not ("depends" in task and "continueOn" in task)
        if "depends" in task:
            assert not task["name"][0].isdigit()
            above = {term.removesuffix(".Succeeded") for term in task["depends"].split(" && ")}
            assert above <= set(names[:place]), "waits for what comes later, or is not there"


def check_call(task: dict[str, Any], templates: dict[str, Any]) -> None:
    """A task hands its template exactly the parameters that it has."""
    wanted = [entry["name"] for entry in templates[task["template"]].get("inputs", {}).get("parameters", [])]
    given = task.get("arguments", {}).get("parameters", [])
    assert [entry["name"] for entry in given] == wanted
    assert all("{{" not in entry["value"] for entry in given)


def check_labels(labels: dict[str, str]) -> None:
    """Keys and values that Kubernetes takes."""
    for key, value in labels.items():
        assert _LABEL_KEY.fullmatch(key)
        assert len(value) <= 63
        assert _LABEL_VALUE.fullmatch(value)


def check_object(manifest: dict[str, Any], namespace: str) -> None:
    """An object beside a Workflow: a name, labels, an owner, and a size that etcd takes."""
    metadata = manifest["metadata"]
    assert _OBJECT_NAME.fullmatch(metadata["name"])
    assert len(metadata["name"]) <= (63 if manifest["kind"] == "Service" else 253)
    assert metadata["namespace"] == namespace
    check_labels(metadata["labels"])
    (owner,) = metadata["ownerReferences"]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", owner["uid"])
    assert (owner["controller"], owner["blockOwnerDeletion"]) == (False, False)
    assert len(json.dumps(manifest)) < 1_500_000
    if manifest["kind"] == "Secret":
        assert all(re.fullmatch(r"[-._a-zA-Z0-9]{1,253}", key) for key in manifest["data"])
        assert sum(len(value) * 3 // 4 for value in manifest["data"].values()) <= 1024 * 1024
