"""Group templates. Source: workflow-spec.md §7.5."""

from __future__ import annotations

import pytest

from templates.group_objects import group_objects, group_template_problems, rendered_group_objects
from templates.merge import JsonObject


def config_map(name: str = "m", **fields: str) -> JsonObject:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, **fields}


def test_same_object_is_merged_in_place() -> None:
    """'same (apiVersion, kind, name) merged'."""
    merged = group_objects([config_map(a="1"), config_map("other"), config_map(b="2")])
    assert merged == (config_map(a="1", b="2"), config_map("other"))


def test_rendering() -> None:
    made = rendered_group_objects([config_map("d-{{WF_GROUP_UUID}}")], {"WF_GROUP_UUID": "g1"})
    assert made == (config_map("d-g1"),)


@pytest.mark.parametrize(
    ("template", "count"),
    [
        (config_map(), 0),
        ({"kind": "X", "metadata": {"name": "m"}}, 1),
        ({"apiVersion": "v1", "metadata": {"name": "m"}}, 1),
        ({"apiVersion": "v1", "kind": "X"}, 1),
        ({"apiVersion": "v1", "kind": "X", "metadata": {}}, 1),
        ({}, 3),
        ({"apiVersion": "v1", "kind": "X", "metadata": {"name": "m", "namespace": "n"}}, 1),
        ({"apiVersion": 1, "kind": "", "metadata": []}, 3),
    ],
)
def test_requirements(template: JsonObject, count: int) -> None:
    """'need apiVersion, kind, metadata.name; metadata.namespace forbidden'."""
    assert len(group_template_problems(template)) == count
