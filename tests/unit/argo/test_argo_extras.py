"""Objects of group templates."""

from __future__ import annotations

import msgspec
import pytest

from templates.merge import JsonObject
from tests.unit.argo.clusters import manifests, of_kind, workflows
from tests.unit.argo.crd import check_object
from tests.unit.argo.plans import plan, single, team
from translator.argo.faults import TranslationError
from translator.argo.target import ArgoTarget
from translator.argo.translation import translate
from translator.plan.model import Plan

DOMAIN: JsonObject = {
    "apiVersion": "resource.nvidia.com/v1beta1",
    "kind": "ComputeDomain",
    "metadata": {"name": "domain-{{WF_GROUP_UUID}}", "labels": {"corp": "x", "osmo.group_name": "other"}},
    "spec": {"numNodes": 2, "note": "{{WF_ID}} of {{WF_POOL}}"},
}


def with_objects(made: Plan, *objects: JsonObject) -> Plan:
    groups = tuple(msgspec.structs.replace(group, extra_objects=objects) for group in made.groups)
    return msgspec.structs.replace(made, groups=groups)


def test_each_group_gets_its_object() -> None:
    # workflow-spec.md §7.5: "arbitrary Kubernetes objects created before the pods of each group".
    made = with_objects(plan(single("a"), team("g", "lead", "helper")), DOMAIN)
    first, second = of_kind(translate(made, ArgoTarget(namespace="runs")), "ComputeDomain")
    check_object(first, "runs")
    assert first["metadata"]["name"] == f"domain-{made.groups[0].uuid}"
    assert second["spec"] == {"numNodes": 2, "note": "train-7 of default"}
    assert second["metadata"]["labels"]["corp"] == "x"
    assert second["metadata"]["labels"]["osmo.group_name"] == "g"


def test_objects_come_last() -> None:
    # The order of creation: Workflow, Secrets, Services, PodGroups, extra objects.
    made = with_objects(plan(team("g", "lead", "helper")), DOMAIN)
    kinds = [entry["kind"] for entry in manifests(translate(made, ArgoTarget()))]
    assert kinds == ["Workflow", "Secret", "Secret", "Service", "ComputeDomain"]


def test_one_object_of_several_groups_is_made_once() -> None:
    shared: JsonObject = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shared"}, "data": {"a": "b"}}
    made = with_objects(plan(single("a"), single("b")), shared)
    assert len(of_kind(translate(made, ArgoTarget()), "ConfigMap")) == 1


def test_a_name_that_two_groups_fill_differently_is_refused() -> None:
    clashing: JsonObject = {**DOMAIN, "metadata": {"name": "domain"}, "spec": {"group": "{{WF_GROUP_NAME}}"}}
    with pytest.raises(TranslationError, match="WF_GROUP_UUID"):
        translate(with_objects(plan(single("a"), single("b")), clashing), ArgoTarget())


@pytest.mark.parametrize(
    "template",
    [
        {**DOMAIN, "kind": ""},
        {**DOMAIN, "metadata": {}},
        {**DOMAIN, "metadata": {"name": "x", "namespace": "other"}},
        {**DOMAIN, "kind": "Pod"},
        {**DOMAIN, "kind": "Workflow"},
        {**DOMAIN, "metadata": {"name": "{{NOBODY}}"}},
    ],
)
def test_what_must_not_be_made_is_refused(template: JsonObject) -> None:
    # workflow-spec.md §7.5: "need apiVersion, kind, metadata.name; metadata.namespace forbidden".
    with pytest.raises(TranslationError, match="Group template"):
        translate(with_objects(plan(single("a")), template), ArgoTarget())


def test_braces_in_an_object_are_no_tags() -> None:
    template: JsonObject = {**DOMAIN, "spec": {"text": "{{ '{{' }}workflow.name}}"}}
    translation = translate(with_objects(plan(single("a")), template), ArgoTarget())
    assert of_kind(translation, "ComputeDomain")[0]["spec"] == {"text": "{{workflow.name}}"}
    assert "ComputeDomain" not in str(workflows(translation))
